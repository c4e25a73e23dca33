//! Compiles a template's source to instructions that charge the budget for their work.
//!
//! minijinja limits the number of instructions but not the work of one: `x ~ x` doubles memory at
//! every step, and a comparison may read megabytes. So each instruction whose cost depends on its
//! operands is replaced by a call of a function that charges the rendering's budget first. Their
//! names aren't identifiers, so no template can name them.

use std::cmp::Ordering;

use minijinja::machinery::{CompiledTemplate, Instruction, Instructions, TemplateConfig};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, Value, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, State};

use super::python::error;
use super::{budget, filters, methods, operate, python, size};

/// How long a compiled source may be; real ones have a few kilobytes.
pub(super) const MAX_SOURCE: usize = 256 << 10;

/// An environment with everything that a chat template may use, except what belongs to a single
/// rendering.
pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_fuel(Some(budget::MAX_INSTRUCTIONS));
    env.set_recursion_limit(200);
    env.set_unknown_method_callback(methods::unknown);
    env.set_formatter(|out, state, value| {
        let text = python::text(state, value)?;
        out.write_str(&text).map_err(|_| error("failed to write the output"))
    });
    filters::install(&mut env);
    env.remove_global("debug");
    env.add_function("dict", |state: &mut State, base: Option<Value>, named: Kwargs| {
        let mut pairs: Vec<(Value, Value)> = base.iter().flat_map(python::pairs).collect();
        for name in named.args() {
            pairs.push((Value::from(name), named.get::<Value>(name)?));
        }
        pairs.iter().try_for_each(|(_, value)| budget::enclose(state, value, false))?;
        Ok::<_, Error>(Value::from_pairs(pairs))
    });
    let namespace = Value::from_function(minijinja::functions::namespace);
    env.add_function("namespace", move |state: &mut State, base: Option<Value>, named: Kwargs| {
        let mut pairs: Vec<(Value, Value)> = base.iter().flat_map(python::pairs).collect();
        for name in named.args() {
            pairs.push((Value::from(name), named.get::<Value>(name)?));
        }
        pairs.iter().try_for_each(|(_, value)| budget::enclose(state, value, true))?;
        pairs.push((Value::from(budget::NAMESPACE), Value::from(true)));
        namespace.call(state, &[Value::from_pairs(pairs)])
    });
    operators(&mut env);
    env
}

fn operators(env: &mut Environment<'static>) {
    env.add_function("+", operate::add);
    env.add_function("*", operate::multiply);
    env.add_function("~", operate::concatenate);
    env.add_function("[:]", operate::slice);
    env.add_function("[]", operate::item);
    env.add_function("==", |state: &mut State, a: &Value, b: &Value| operate::equal(state, a, b));
    env.add_function("!=", |state: &mut State, a: &Value, b: &Value| {
        operate::equal(state, a, b).map(|equal| !equal)
    });
    env.add_function("<", |state: &mut State, a: &Value, b: &Value| {
        operate::order(state, a, b).map(Ordering::is_lt)
    });
    env.add_function("<=", |state: &mut State, a: &Value, b: &Value| {
        operate::order(state, a, b).map(Ordering::is_le)
    });
    env.add_function(">", |state: &mut State, a: &Value, b: &Value| {
        operate::order(state, a, b).map(Ordering::is_gt)
    });
    env.add_function(">=", |state: &mut State, a: &Value, b: &Value| {
        operate::order(state, a, b).map(Ordering::is_ge)
    });
    env.add_function("@in", |state: &mut State, a: &Value, b: &Value| operate::contains(state, a, b));
    env.add_function("@for", operate::iterate);
    env.add_function("@read", |state: &mut State, value: Value| {
        budget::survey(state, &value)?;
        Ok::<_, Error>(value)
    });
    env.add_function("@store", |state: &mut State, value: Value| {
        budget::enclose(state, &value, true)?;
        Ok::<_, Error>(value)
    });
    env.add_function("list[]", |state: &mut State, items: Rest<Value>| operate::list(state, &items));
    env.add_function("tuple[]", |state: &mut State, items: Rest<Value>| operate::tuple(state, &items));
    env.add_function("map[]", |state: &mut State, flat: Rest<Value>| operate::map(state, &flat));
    env.add_function("|", |state: &mut State, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        let (name, args) = named(&args);
        filters::apply(state, name, args)
    });
    env.add_function("@is", |state: &mut State, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        let (name, args) = named(&args);
        filters::test(state, name, args)
    });
    env.add_function(".", |state: &mut State, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        let (name, args) = named(&args);
        methods::call(state, &args[0], name, &args[1..])
    });
}

/// Takes the name, which was pushed after the arguments.
fn named(args: &[Value]) -> (&str, &[Value]) {
    let (name, args) = args.split_last().expect("the name is always pushed");
    (name.as_str().expect("names are strings"), args)
}

/// Compiles a source and rewrites the instructions.
pub(super) fn compile(source: &str) -> Result<CompiledTemplate<'_>, Error> {
    let syntax_config = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    size::check(source, &syntax_config)?;
    let config =
        TemplateConfig { syntax_config, default_auto_escape: std::sync::Arc::new(|_| AutoEscape::None) };
    let mut compiled = CompiledTemplate::new("template", source, &config)?;
    if !compiled.blocks.is_empty() {
        return Err(error("blocks are not supported"));
    }
    compiled.instructions = rewrite(&compiled.instructions)?;
    Ok(compiled)
}

fn rewrite<'s>(old: &Instructions<'s>) -> Result<Instructions<'s>, Error> {
    let mut places = Vec::new();
    let mut new = Vec::new();
    for index in 0.. {
        places.push(new.len() as u32);
        let Some(instruction) = old.get(index) else { break };
        let line = old.get_line(index).unwrap_or(0) as u16;
        let mut paid = Vec::with_capacity(3);
        expand(instruction.clone(), &mut paid).map_err(|why| error(format!("{why} (line {line})")))?;
        new.extend(paid.into_iter().map(|instruction| (instruction, line)));
    }
    let mut instructions = Instructions::new(old.name(), old.source());
    for (mut instruction, line) in new {
        if let Instruction::Iterate(target)
        | Instruction::Jump(target)
        | Instruction::JumpIfFalse(target)
        | Instruction::JumpIfFalseOrPop(target)
        | Instruction::JumpIfTrueOrPop(target)
        | Instruction::BuildMacro(_, target, _) = &mut instruction
        {
            *target = places.get(*target as usize).copied().unwrap_or(u32::MAX);
        }
        instructions.add_with_line(instruction, line);
    }
    Ok(instructions)
}

/// Replaces one instruction.
fn expand<'s>(instruction: Instruction<'s>, out: &mut Vec<Instruction<'s>>) -> Result<(), &'static str> {
    use Instruction as I;
    let call = |name, arguments| I::CallFunction(name, Some(arguments));
    let count = |arguments: Option<u16>| arguments.ok_or("unpacking arguments with * is not supported");
    match instruction {
        I::EmitRaw(text) => out.extend([I::LoadConst(Value::from(text)), I::Emit]),
        I::Add => out.push(call("+", 2)),
        I::Mul => out.push(call("*", 2)),
        I::StringConcat => out.push(call("~", 2)),
        I::Slice => out.push(call("[:]", 4)),
        I::GetItem => out.push(call("[]", 2)),
        I::Eq => out.push(call("==", 2)),
        I::Ne => out.push(call("!=", 2)),
        I::Lt => out.push(call("<", 2)),
        I::Lte => out.push(call("<=", 2)),
        I::Gt => out.push(call(">", 2)),
        I::Gte => out.push(call(">=", 2)),
        I::In => out.push(call("@in", 2)),
        I::CompareAndPreserve(_) => {
            out.extend([I::Swap, call("@read", 1), I::Swap, call("@read", 1), instruction]);
        }
        I::PushLoop(_) => out.extend([call("@for", 1), instruction]),
        I::SetAttr(_) => out.extend([I::Swap, call("@store", 1), I::Swap, instruction]),
        I::BuildList(Some(items)) => out.push(call("list[]", fits(items)?)),
        I::BuildTuple(Some(items)) => out.push(call("tuple[]", fits(items)?)),
        I::BuildMap(pairs) => out.push(call("map[]", fits(pairs * 2)?)),
        I::ApplyFilter(name, arguments, _) => {
            out.extend([I::LoadConst(Value::from(name)), call("|", count(arguments)? + 1)]);
        }
        I::PerformTest(name, arguments, _) => {
            out.extend([I::LoadConst(Value::from(name)), call("@is", count(arguments)? + 1)]);
        }
        I::CallMethod(name, arguments) => {
            out.extend([I::LoadConst(Value::from(name)), call(".", count(arguments)? + 1)]);
        }
        I::CallBlock(_) | I::LoadBlocks | I::Include(_) | I::ExportLocals | I::FastSuper => {
            return Err("other templates and blocks are not supported");
        }
        I::CallFunction(_, None) | I::CallObject(None) | I::UnpackLists(_) | I::MergeKwargs(_) => {
            return Err("unpacking arguments with * is not supported");
        }
        other => out.push(other),
    }
    Ok(())
}

fn fits(count: usize) -> Result<u16, &'static str> {
    u16::try_from(count).map_err(|_| "a literal with more than 65,535 items is not supported")
}

/// Whether a name can be a variable of a template.
pub(super) fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}
