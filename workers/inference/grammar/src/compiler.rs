use std::fmt;
use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use llguidance::api::{GrammarWithLexer, TopLevelGrammar};
use llguidance::toktrie::{InferenceCapabilities, TokEnv};
use llguidance::{Matcher, ParserFactory};

use crate::cache::GrammarCache;
use crate::environment::Environment;
use crate::error::TOO_MUCH;
use crate::json_text::{JsonText, Watched};
use crate::schema::{Halt, Prepared, SchemaValidator, Text};
use crate::slices::slices;
use crate::validator::AnswerValidator;
use crate::{
    Constraint, ConstraintError, GrammarError, Limits, Mask, Rule, Tool, Vocabulary, VocabularyError,
    dead_end, lark, probe, schema,
};

/// The parser recurses as deeply as the limits allow a grammar to nest.
const STACK: usize = 64 << 20;

/// Rules that the parser doesn't get verbatim.
const SCHEMA: &str = "schema";
const TOOLS: &str = "tools";

/// Compiles rules for one model's vocabulary. Cheap to clone.
#[derive(Clone)]
pub struct Compiler {
    factory: Arc<ParserFactory>,
    shared: Arc<Shared>,
    cached: Arc<Mutex<GrammarCache>>,
    limits: Limits,
}

/// State shared by all constraints over a vocabulary.
pub(crate) struct Shared {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) watched: Watched,
    pub(crate) ends: Mask,
}

impl Compiler {
    /// Prepares a vocabulary: takes about a second for 128,000 tokens, once per model.
    pub fn new(vocabulary: Vocabulary, limits: Limits) -> Result<Self, VocabularyError> {
        vocabulary.check()?;
        let environment: TokEnv = Arc::new(Environment::new(&vocabulary));
        let capabilities = InferenceCapabilities {
            ff_tokens: vocabulary.encode.is_some(),
            ..InferenceCapabilities::default()
        };
        let mut factory = ParserFactory::new(&environment, capabilities, &slices())
            .map_err(|error| VocabularyError::Unusable(error.to_string()))?;
        factory.quiet();
        *factory.limits_mut() = limits.of_parser();
        let watched = Watched::new(&vocabulary.tokens);
        let mut ends = Mask::none(vocabulary.tokens.len().div_ceil(32));
        vocabulary.ends.iter().for_each(|&end| ends.allow(end));
        let shared = Shared { vocabulary, watched, ends };
        let cached = Arc::new(Mutex::new(GrammarCache::new(limits.cached, limits.cache_bytes)));
        Ok(Self { factory: Arc::new(factory), shared: Arc::new(shared), cached, limits })
    }

    /// Compiles a constraint for one answer; blocks until done.
    pub fn compile(&self, rule: &Rule) -> Result<Constraint, GrammarError> {
        let (done, compiled) = sync_channel(1);
        self.spawn(rule.clone(), Halt::default(), move |compiled| drop(done.send(compiled)))
            .map_err(|error| GrammarError::TooComplex { why: error.to_string() })?;
        compiled
            .recv()
            .unwrap_or_else(|_| Err(GrammarError::TooComplex { why: "the compiler failed".to_owned() }))
    }

    /// Compiles a rule on a new thread that is never joined: it ends on its own, soon after a halt,
    /// or with the process. `done` is dropped without being called if the compiler panics.
    ///
    /// # Errors
    /// Fails if no thread can be started.
    pub fn spawn(
        &self,
        rule: Rule,
        halt: Halt,
        done: impl FnOnce(Result<Constraint, GrammarError>) + Send + 'static,
    ) -> io::Result<()> {
        let compiler = self.clone();
        let thread = thread::Builder::new().name("grammar".to_owned()).stack_size(STACK);
        thread.spawn(move || done(compiler.compile_or_find(&rule, &halt))).map(drop)
    }

    /// Returns the constraint of a rule that was compiled recently.
    pub fn find(&self, rule: &Rule) -> Option<Constraint> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).find(rule)
    }

    fn compile_or_find(&self, rule: &Rule, halt: &Halt) -> Result<Constraint, GrammarError> {
        if let Some(constraint) = self.find(rule) {
            return Ok(constraint);
        }
        let (constraint, parser) = self.compile_here(rule, halt)?;
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).keep(rule, &constraint, parser);
        Ok(constraint)
    }

    fn compile_here(
        &self,
        rule: &Rule,
        halt: &Halt,
    ) -> Result<(Constraint, llguidance::TokenParser), GrammarError> {
        let mut texts = Vec::new();
        let mut answer_validator = None;
        let (kind, grammars) = match rule {
            Rule::JsonObject => (SCHEMA, vec![GrammarWithLexer::from_json_schema(schema::object())]),
            Rule::JsonSchema(schema) => {
                let Prepared { schema, texts: strings, validator } =
                    schema::prepare(schema, &self.limits, halt)?;
                texts = strings;
                answer_validator = validator.map(AnswerValidator::whole);
                (SCHEMA, vec![GrammarWithLexer::from_json_schema(schema)])
            }
            Rule::Regex(pattern) => {
                lark::check("regular expression", pattern, &self.limits)?;
                ("regular expression", vec![GrammarWithLexer::from_regex(pattern)])
            }
            Rule::Lark(text) => {
                lark::check("Lark grammar", text, &self.limits)?;
                ("Lark grammar", vec![GrammarWithLexer::from_lark(text.clone())])
            }
            Rule::Tools { tools, syntax, calls, or_text } => {
                let text = lark::of_tools(tools, syntax, *calls, *or_text, &self.shared.vocabulary)?;
                let mut grammars = vec![GrammarWithLexer::from_lark(text)];
                let validators = self.arguments(tools, halt, &mut grammars, &mut texts)?;
                answer_validator =
                    AnswerValidator::of_calls(tools, validators, syntax, &self.shared.vocabulary);
                (TOOLS, grammars)
            }
        };
        halt.check().map_err(too_complex)?;
        let parser = self.parser(kind, grammars)?;
        dead_end::check(parser.parser.grammar(), &self.limits)
            .map_err(|why| GrammarError::Syntax { kind, why })?;
        let text = match rule {
            Rule::JsonObject | Rule::JsonSchema(_) => Some(JsonText::default()),
            Rule::Tools { or_text, .. } => {
                Some(if *or_text { JsonText::or_other() } else { JsonText::default() })
            }
            Rule::Regex(_) | Rule::Lark(_) => None,
        };
        let matcher = Matcher::new(Ok(parser.clone()));
        let constraint =
            Constraint::new(Arc::clone(&self.shared), matcher, text, answer_validator.map(Arc::new));
        // Rejects a grammar that no text satisfies or that is too complex here, rather than in the
        // middle of an answer.
        probe::walk(&constraint, halt).map_err(|error| too_complex(&cost(&error)))?;
        for text in &texts {
            self.try_text(text, halt)?;
        }
        Ok((constraint, parser))
    }

    fn parser(
        &self,
        kind: &'static str,
        grammars: Vec<GrammarWithLexer>,
    ) -> Result<llguidance::TokenParser, GrammarError> {
        let parser = self.factory.create_parser(TopLevelGrammar { grammars, max_tokens: None });
        parser.map_err(|error| refusal(kind, &error.to_string()))
    }

    /// Rejects a string whose pattern takes too much work for each token.
    fn try_text(&self, text: &Text, halt: &Halt) -> Result<(), GrammarError> {
        halt.check().map_err(too_complex)?;
        let alone = GrammarWithLexer::from_json_schema(schema::with_options(text.schema.clone()));
        let matcher = Matcher::new(Ok(self.parser(SCHEMA, vec![alone])?));
        let constraint = Constraint::new(Arc::clone(&self.shared), matcher, None, None);
        probe::walk(&constraint, halt).map_err(|error| GrammarError::TooComplex {
            why: format!("pattern at #{}: {}", text.path, cost(&error)),
        })
    }

    fn arguments(
        &self,
        tools: &[Tool],
        halt: &Halt,
        grammars: &mut Vec<GrammarWithLexer>,
        texts: &mut Vec<Text>,
    ) -> Result<Vec<Option<SchemaValidator>>, GrammarError> {
        if tools.len() > self.limits.tools {
            return Err(GrammarError::TooLarge {
                what: "list of tools",
                found: tools.len(),
                most: self.limits.tools,
            });
        }
        let mut validators = Vec::with_capacity(tools.len());
        for (index, tool) in tools.iter().enumerate() {
            let prepared = schema::prepare(&tool.parameters, &self.limits, halt)
                .map_err(|error| GrammarError::Tool { tool: tool.name.clone(), error })?;
            let mut grammar = GrammarWithLexer::from_json_schema(prepared.schema);
            grammar.name = Some(format!("tool_{index}"));
            grammars.push(grammar);
            texts.extend(prepared.texts);
            validators.push(prepared.validator);
        }
        Ok(validators)
    }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Compiler")
            .field("vocabulary", &self.shared.vocabulary)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Describes the cost of probing a grammar in terms that callers understand.
fn cost(error: &ConstraintError) -> String {
    match error {
        ConstraintError::TooComplex { .. } => TOO_MUCH.to_owned(),
        other => other.to_string(),
    }
}

fn too_complex(why: &str) -> GrammarError {
    GrammarError::TooComplex { why: why.to_owned() }
}

fn refusal(kind: &'static str, message: &str) -> GrammarError {
    let why = message.lines().next().unwrap_or_default().to_owned();
    if kind == SCHEMA || kind == TOOLS {
        return GrammarError::Unwritable { why };
    }
    let complex = ["too big", "too large", "too complex", "too many", "fuel", "limit"];
    if complex.iter().any(|word| why.contains(word)) {
        return GrammarError::TooComplex { why };
    }
    GrammarError::Syntax { kind, why }
}
