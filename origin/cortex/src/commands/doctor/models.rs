//! The files of the models, by hash.

use cortex_models::{Model, ModelCatalogue};

use super::check::Check;
use cortex_node::Home;

/// `needed` is the one that `cortex up` serves.
pub(super) fn checks(home: &Home, catalogue: &ModelCatalogue, needed: &str) -> Vec<Check> {
    let mut checks: Vec<_> = catalogue.iter().map(|model| check(home, model, needed)).collect();
    if let Err(unknown) = catalogue.get(needed) {
        let hint = "name one that there is with --embeddings-model or EMBEDDINGS_MODEL";
        checks.push(Check::fail(format!("model {needed}"), unknown.to_string(), hint));
    }
    checks
}

fn check(home: &Home, model: &Model, needed: &str) -> Check {
    let name = format!("model {}", model.name);
    let dir = model.dir(home.path());
    let hint = format!("fetch it with `cortex models pull {}`", model.name);
    if !dir.is_dir() {
        return if model.name.as_str() == needed {
            Check::warn(name, "not here", format!("{hint}; `cortex up` does it too"))
        } else {
            Check::ok(name, "not here")
        };
    }
    match model.verify(&dir) {
        Ok(()) => Check::ok(name, format!("every hash is right in {}", dir.display())),
        Err(error) => Check::fail(name, error.to_string(), hint),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn a_model_is_missed_only_where_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().into())).unwrap();
        let catalogue = ModelCatalogue::shipped();
        let model = catalogue.iter().next().unwrap();
        assert_eq!(check(&home, model, model.name.as_str()).outcome, Outcome::Warn);
        assert_eq!(check(&home, model, "another").outcome, Outcome::Ok);
        assert_eq!(checks(&home, &catalogue, "another").pop().unwrap().outcome, Outcome::Fail);

        std::fs::create_dir_all(model.dir(home.path())).unwrap();
        assert_eq!(check(&home, model, "another").outcome, Outcome::Fail);
    }
}
