//! Splits limits on an object's number of members into cases in which a grammar needn't count.

/// The limit on the cases of one object.
const MAX_CASES: usize = 256;

/// One case: optional members that are required or forbidden, and how many members may have other
/// names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted<'a> {
    pub(super) required: Vec<&'a str>,
    pub(super) absent: Vec<&'a str>,
    pub(super) others: (u64, Option<u64>),
}

/// Returns the cases, of which no two apply at once. A grammar counts occurrences of names, not
/// distinct names, so at most one other member is ever required.
///
/// # Errors
/// Fails with the keyword that asks for too much.
pub(super) fn ways<'a>(
    required: u64,
    optional: &[&'a str],
    is_open: bool,
    least: u64,
    most: Option<u64>,
) -> Result<Vec<Counted<'a>>, &'static str> {
    let least = least.saturating_sub(required);
    let possible = optional.len() as u64;
    // Repeated names count once, so an upper bound on other names is still enforced.
    let most = most.map(|most| most.saturating_sub(required)).filter(|most| is_open || *most < possible);
    if least == 0 && (most.is_none() || optional.is_empty()) {
        return Ok(vec![Counted { required: vec![], absent: vec![], others: (0, most) }]);
    }
    if optional.is_empty() {
        return if least <= 1 {
            Ok(vec![Counted { required: vec![], absent: vec![], others: (least, most) }])
        } else {
            Err("minProperties")
        };
    }
    let keyword = if most.is_some() { "maxProperties" } else { "minProperties" };
    let mut cases = Vec::new();
    let start = Counted { required: vec![], absent: vec![], others: (0, None) };
    split(start, optional, is_open, (least, most), &mut cases).map_err(|()| keyword)?;
    if cases.is_empty() { Err(keyword) } else { Ok(cases) }
}

fn split<'a>(
    case: Counted<'a>,
    open: &[&'a str],
    is_open: bool,
    bounds: (u64, Option<u64>),
    cases: &mut Vec<Counted<'a>>,
) -> Result<(), ()> {
    let (least, most) = bounds;
    let has = case.required.len() as u64;
    if cases.len() >= MAX_CASES {
        return Err(());
    }
    if most.is_some_and(|most| has > most) {
        return Ok(());
    }
    let room = most.is_none_or(|most| has + open.len() as u64 <= most && !is_open);
    match open {
        [] => {
            let lacking = least.saturating_sub(has);
            if lacking == 0 || is_open && lacking == 1 {
                cases.push(Counted { others: (lacking, most.map(|most| most - has)), ..case });
            }
        }
        // Enough members are present, and all others are allowed.
        _ if has >= least && room => cases.push(Counted { others: (0, None), ..case }),
        [first, rest @ ..] => {
            let with = Counted {
                required: [case.required.clone(), vec![*first]].concat(),
                absent: case.absent.clone(),
                others: (0, None),
            };
            let without = Counted { absent: [case.absent, vec![*first]].concat(), ..case };
            split(with, rest, is_open, bounds, cases)?;
            split(without, rest, is_open, bounds, cases)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_one_of_several_is_as_many_cases() {
        let cases = ways(0, &["a", "b"], false, 1, None).expect("few cases");
        let names: Vec<_> = cases.iter().map(|case| (case.required.clone(), case.absent.clone())).collect();
        assert_eq!(names, [(vec!["a"], vec![]), (vec!["b"], vec!["a"])]);
        assert_eq!(ways(0, &["a"], true, 1, None).expect("few cases").len(), 2);
        assert_eq!(ways(1, &["a", "b"], true, 1, None).expect("nothing to count").len(), 1);
    }

    #[test]
    fn at_most_one_leaves_out_the_rest() {
        let cases = ways(0, &["a", "b", "c"], false, 0, Some(1)).expect("few cases");
        let names: Vec<_> = cases.iter().map(|case| (case.required.clone(), case.absent.clone())).collect();
        assert_eq!(
            names,
            [(vec!["a"], vec!["b", "c"]), (vec!["b"], vec!["a", "c"]), (vec![], vec!["a", "b"])]
        );
        assert_eq!(ways(0, &[], true, 2, None), Err("minProperties"));
        let many: Vec<String> = (0..40).map(|index| index.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(ways(0, &many, false, 0, Some(20)), Err("maxProperties"));
    }
}
