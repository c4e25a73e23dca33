use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use llguidance::api::{GrammarWithLexer, TopLevelGrammar};
use llguidance::toktrie::{InferenceCapabilities, TokEnv};
use llguidance::{Matcher, ParserFactory};

use crate::environment::Environment;
use crate::json_text::{JsonText, Watched};
use crate::kept::Kept;
use crate::slices::slices;
use crate::{Constraint, GrammarError, Limits, Mask, Rule, Tool, Vocabulary, VocabularyError, lark, schema};

/// The parser descends by recursion as deep as the limits let a grammar nest.
const STACK: usize = 64 << 20;

/// Compiles rules for one model's vocabulary. Cheap to clone.
#[derive(Clone)]
pub struct Compiler {
    factory: Arc<ParserFactory>,
    shared: Arc<Shared>,
    kept: Arc<Mutex<Kept>>,
    limits: Limits,
}

/// What all constraints over a vocabulary share.
pub(crate) struct Shared {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) watched: Watched,
    pub(crate) ends: Mask,
}

impl Compiler {
    /// Prepares a vocabulary: about a second for 128,000 tokens, once per model.
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
        let kept = Arc::new(Mutex::new(Kept::new(limits.kept)));
        Ok(Self { factory: Arc::new(factory), shared: Arc::new(shared), kept, limits })
    }

    /// A constraint for one answer.
    pub fn compile(&self, rule: &Rule) -> Result<Constraint, GrammarError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).find(rule);
        if let Some(constraint) = kept {
            return Ok(constraint);
        }
        let constraint = self.compile_apart(rule)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(rule, &constraint);
        Ok(constraint)
    }

    fn compile_apart(&self, rule: &Rule) -> Result<Constraint, GrammarError> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("grammar".to_owned()).stack_size(STACK);
            let compiling = thread.spawn_scoped(scope, || self.compile_here(rule));
            let compiling = compiling.map_err(|error| GrammarError::TooComplex { why: error.to_string() })?;
            let failed = |_| GrammarError::TooComplex { why: "the compiler gave up".to_owned() };
            compiling.join().map_err(failed)?
        })
    }

    fn compile_here(&self, rule: &Rule) -> Result<Constraint, GrammarError> {
        let (kind, grammars) = match rule {
            Rule::JsonObject => ("schema", vec![GrammarWithLexer::from_json_schema(schema::object())]),
            Rule::JsonSchema(schema) => {
                ("schema", vec![GrammarWithLexer::from_json_schema(schema::prepare(schema, &self.limits)?)])
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
                grammars.extend(self.arguments(tools)?);
                ("tools", grammars)
            }
        };
        let parser = self.factory.create_parser(TopLevelGrammar { grammars, max_tokens: None });
        let parser = parser.map_err(|error| refusal(kind, &error.to_string()))?;
        let text = match rule {
            Rule::JsonObject | Rule::JsonSchema(_) => Some(JsonText::default()),
            Rule::Tools { or_text, .. } => {
                Some(if *or_text { JsonText::or_other() } else { JsonText::default() })
            }
            Rule::Regex(_) | Rule::Lark(_) => None,
        };
        let constraint = Constraint::new(Arc::clone(&self.shared), Matcher::new(Ok(parser)), text);
        // A grammar that nothing satisfies, or that is too complex to begin, is refused here and not in the middle of an answer.
        let first = constraint.clone().mask(&mut Mask::new());
        first.map_err(|error| GrammarError::TooComplex { why: error.to_string() })?;
        Ok(constraint)
    }

    fn arguments(&self, tools: &[Tool]) -> Result<Vec<GrammarWithLexer>, GrammarError> {
        if tools.len() > self.limits.tools {
            return Err(GrammarError::TooLarge {
                what: "list of tools",
                found: tools.len(),
                most: self.limits.tools,
            });
        }
        let mut grammars = Vec::with_capacity(tools.len());
        for (index, tool) in tools.iter().enumerate() {
            let prepared = schema::prepare(&tool.parameters, &self.limits)
                .map_err(|error| GrammarError::Tool { tool: tool.name.clone(), error })?;
            let mut grammar = GrammarWithLexer::from_json_schema(prepared);
            grammar.name = Some(format!("tool_{index}"));
            grammars.push(grammar);
        }
        Ok(grammars)
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

fn refusal(kind: &'static str, message: &str) -> GrammarError {
    let why = message.lines().next().unwrap_or_default().to_owned();
    let complex = ["too big", "too large", "too complex", "too many", "fuel", "limit"];
    if complex.iter().any(|word| why.contains(word)) {
        return GrammarError::TooComplex { why };
    }
    GrammarError::Syntax { kind, why }
}
