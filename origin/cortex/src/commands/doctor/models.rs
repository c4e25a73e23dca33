//! The hashes of the installed models.

use cortex_models::{Model, ModelCatalogue};

use super::check::Check;
use cortex_node::Home;

/// Checks every model. `needed` is the embedding model of `cortex up`.
pub(super) fn checks(home: &Home, catalogue: &ModelCatalogue, needed: &str) -> Vec<Check> {
    let mut checks: Vec<_> = catalogue.iter().map(|model| check(home, model, needed)).collect();
    if let Err(unknown) = catalogue.get(needed) {
        let hint =
            "`cortex models list` shows the models: choose one with --embeddings-model or EMBEDDINGS_MODEL";
        checks.push(Check::fail(format!("model {needed}"), unknown.to_string(), hint));
    }
    checks
}

fn check(home: &Home, model: &Model, needed: &str) -> Check {
    let name = format!("model {}", model.name);
    let dir = model.dir(home.path());
    let hint = format!("run `cortex models pull {}`", model.name);
    if !dir.is_dir() {
        return if model.name.as_str() == needed {
            Check::warn(name, "not installed", format!("{hint}, or let `cortex up` download it"))
        } else {
            Check::ok(name, "not installed, not needed")
        };
    }
    match model.verify(&dir) {
        Ok(()) => Check::ok(name, format!("verified in {}", dir.display())),
        Err(error) => Check::fail(name, error.to_string(), hint),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn a_missing_model_is_a_warning_only_if_it_is_needed() {
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
