//! Finds parts of a grammar that no text satisfies: an answer could not continue once it got there.

use std::collections::HashMap;

use llguidance::earley::lexerspec::LexemeIdx;
use llguidance::earley::regexvec::{LexemeSet, RegexVec};
use llguidance::earley::{CGrammar, CSymIdx};

use crate::Limits;

/// Rejects a grammar with a part that can begin but never end.
pub(crate) fn check(grammar: &CGrammar, limits: &Limits) -> Result<(), String> {
    let lexer = grammar.lexer_spec();
    let mut lexemes = lexer.to_regex_vec(&mut limits.of_parser()).map_err(|error| error.to_string())?;
    let count = lexer.lexemes.len();
    let symbols = reachable(grammar);
    let mut ends: HashMap<usize, bool> = HashMap::with_capacity(symbols.len());
    for &symbol in &symbols {
        let data = grammar.sym_data(symbol);
        let lexeme = data.lexeme.is_some_and(|lexeme| matches_some(&mut lexemes, lexeme, count));
        ends.insert(symbol.as_index(), data.is_nullable || !data.cond_nullable.is_empty() || lexeme);
    }
    loop {
        let mut grew = false;
        for &symbol in symbols.iter().rev() {
            if !ends[&symbol.as_index()] && has_end(grammar, symbol, &ends) {
                ends.insert(symbol.as_index(), true);
                grew = true;
            }
        }
        if !grew {
            break;
        }
    }
    match symbols.iter().find(|symbol| !ends[&symbol.as_index()]) {
        None => Ok(()),
        Some(&symbol) => {
            let name = grammar.sym_name(symbol);
            Err(format!("no text satisfies it completely: {name:?} can never end"))
        }
    }
}

fn has_end(grammar: &CGrammar, symbol: CSymIdx, ends: &HashMap<usize, bool>) -> bool {
    grammar.rules_of(symbol).iter().any(|&rule| {
        let (parts, _, _) = grammar.rule_rhs(rule);
        parts.iter().all(|part| ends[&part.as_index()])
    })
}

fn reachable(grammar: &CGrammar) -> Vec<CSymIdx> {
    let mut found = vec![grammar.start()];
    let mut seen: std::collections::HashSet<usize> = found.iter().map(|symbol| symbol.as_index()).collect();
    let mut next = 0;
    while let Some(&symbol) = found.get(next) {
        next += 1;
        for &rule in grammar.rules_of(symbol) {
            for &part in grammar.rule_rhs(rule).0 {
                if seen.insert(part.as_index()) {
                    found.push(part);
                }
            }
        }
    }
    found
}

fn matches_some(lexemes: &mut RegexVec, lexeme: LexemeIdx, count: usize) -> bool {
    let mut one = LexemeSet::new(count);
    one.add(lexeme);
    !lexemes.initial_state(&one).is_dead()
}
