use llguidance::api::ParserLimits;

/// The limits of one grammar. Lexer states take about 2 kB each and account for most of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a Lark grammar or regular expression.
    pub source_bytes: usize,
    /// Bytes of a schema as JSON: far more than the limits on compilation allow anyway.
    pub schema_bytes: usize,
    /// Subschemas that affect an answer.
    pub schemas: usize,
    /// Steps to read a schema and combine its parts: a million take about a second.
    pub schema_steps: u64,
    /// Nesting of schemas (a quarter of what their JSON may nest), and of brackets in a Lark
    /// grammar or regular expression.
    pub depth: usize,
    pub tools: usize,
    /// How many rules' grammars are cached for later answers, along with the lexer states that
    /// answers computed.
    pub cached: usize,
    /// Bytes of all cached grammars together.
    pub cache_bytes: usize,
    pub lexer_states: usize,
    pub symbols: usize,
    /// Steps to build the lexer: 50,000 take about a millisecond.
    pub build_steps: u64,
    /// Lexer steps for one mask: 14,000 take about a millisecond.
    pub mask_steps: u64,
    /// Parser items for one mask: 20,000 take about a millisecond.
    pub mask_items: usize,
    /// Parser items after one token, that is, ways in which the text may continue.
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
            cached: 16,
            cache_bytes: 128 << 20,
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
