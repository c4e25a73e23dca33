use llguidance::api::ParserLimits;

/// What one grammar may cost. Lexer states are about 2 kB each and by far the most of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a Lark grammar or regular expression, or of a schema as JSON.
    pub source_bytes: usize,
    /// Schemas within a schema.
    pub schemas: usize,
    /// Nesting of schemas, references followed, and of brackets in a Lark grammar or regular expression.
    pub depth: usize,
    pub tools: usize,
    /// Rules whose grammars are kept for the next answer under them, with the lexer states that answers found.
    pub kept: usize,
    pub lexer_states: usize,
    pub symbols: usize,
    /// Steps of building the lexer: 50,000 take about a millisecond.
    pub build_steps: u64,
    /// Lexer steps for one mask: 14,000 take about a millisecond.
    pub mask_steps: u64,
    /// Parser items for one mask: 20,000 take about a millisecond.
    pub mask_items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes: 256 * 1024,
            schemas: 5_000,
            depth: 128,
            tools: 128,
            kept: 16,
            lexer_states: 16_384,
            symbols: 200_000,
            build_steps: 1_000_000,
            mask_steps: 200_000,
            mask_items: 50_000,
        }
    }
}

impl Limits {
    pub(crate) fn of_parser(&self) -> ParserLimits {
        ParserLimits {
            initial_lexer_fuel: self.build_steps,
            step_lexer_fuel: self.mask_steps,
            step_max_items: self.mask_items,
            max_lexer_states: self.lexer_states,
            max_grammar_size: self.symbols,
            verbose_errors: false,
            ..ParserLimits::default()
        }
    }
}
