use llguidance::api::ParserLimits;

/// What one grammar may cost. Lexer states are about 2 kB each and by far the most of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a Lark grammar or regular expression.
    pub source_bytes: usize,
    /// Bytes of a schema as JSON: far more than the work of compiling it lets through.
    pub schema_bytes: usize,
    /// Schemas within a schema that bear on an answer.
    pub schemas: usize,
    /// Steps of reading a schema and of putting its parts together: a million take about a second.
    pub schema_steps: u64,
    /// Nesting of schemas (a fourth of what their JSON may nest), and of brackets in a Lark grammar or regular expression.
    pub depth: usize,
    pub tools: usize,
    /// Rules whose grammars are kept for the next answer under them, with the lexer states that answers found.
    pub kept: usize,
    /// Bytes of all of them together.
    pub kept_bytes: usize,
    pub lexer_states: usize,
    pub symbols: usize,
    /// Steps of building the lexer: 50,000 take about a millisecond.
    pub build_steps: u64,
    /// Lexer steps for one mask: 14,000 take about a millisecond.
    pub mask_steps: u64,
    /// Parser items for one mask: 20,000 take about a millisecond.
    pub mask_items: usize,
    /// Parser items after one token: ways in which the text may go on.
    pub row_items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes: 256 * 1024,
            schema_bytes: 4 << 20,
            schemas: 30_000,
            schema_steps: 1_000_000,
            depth: 128,
            tools: 128,
            kept: 16,
            kept_bytes: 128 << 20,
            lexer_states: 16_384,
            symbols: 200_000,
            build_steps: 1_000_000,
            mask_steps: 200_000,
            mask_items: 50_000,
            row_items: 8_000,
        }
    }
}

impl Limits {
    pub(crate) fn of_parser(&self) -> ParserLimits {
        ParserLimits {
            initial_lexer_fuel: self.build_steps,
            step_lexer_fuel: self.mask_steps,
            step_max_items: self.mask_items,
            max_items_in_row: self.row_items,
            max_lexer_states: self.lexer_states,
            max_grammar_size: self.symbols,
            verbose_errors: false,
            ..ParserLimits::default()
        }
    }
}
