//! Limits how many tenants get their own label value.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

use cortex_domain::id::Tenant;

/// Maximum number of tenants with their own label value.
pub const MAX_TENANTS: usize = 50;
/// The label value that all other tenants share. A tenant of this name is counted with them.
pub const OTHER: &str = "other";

/// Sums counts by tenant and key. The [`MAX_TENANTS`] tenants with the highest sums keep their
/// names, and the others are added up under [`OTHER`].
#[must_use]
pub fn by_tenant<K: Copy + Eq + Hash>(
    counts: impl IntoIterator<Item = (Tenant, K, u64)>,
) -> HashMap<(String, K), u64> {
    let counts: Vec<_> = counts.into_iter().collect();
    let mut sums = HashMap::<&Tenant, u64>::new();
    for (tenant, _, count) in &counts {
        *sums.entry(tenant).or_default() += count;
    }
    let mut ranked: Vec<_> = sums.into_iter().map(|(tenant, sum)| (Reverse(sum), tenant)).collect();
    ranked.sort_unstable();
    let rank: HashMap<&Tenant, usize> =
        ranked.iter().enumerate().map(|(rank, (_, tenant))| (*tenant, rank)).collect();
    let mut labelled = HashMap::new();
    for (tenant, key, count) in &counts {
        let named = rank.get(tenant).is_some_and(|rank| *rank < MAX_TENANTS);
        let label = if named { tenant.as_str() } else { OTHER };
        *labelled.entry((label.to_owned(), *key)).or_default() += count;
    }
    labelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_beyond_the_bound_share_one_label() {
        let tenant = |n: u64| format!("t{n}").parse::<Tenant>().unwrap();
        let counts = (1..=60).flat_map(|n| [(tenant(n), "open", n), (tenant(n), "ended", 1)]);
        let labelled = by_tenant(counts);
        let names: std::collections::HashSet<_> = labelled.keys().map(|(name, _)| name.clone()).collect();
        assert_eq!(names.len(), MAX_TENANTS + 1);
        assert_eq!(labelled[&("t60".to_owned(), "open")], 60);
        assert_eq!(labelled[&(OTHER.to_owned(), "open")], (1..=10).sum::<u64>());
        assert_eq!(labelled[&(OTHER.to_owned(), "ended")], 10);
        assert_eq!(labelled.values().sum::<u64>(), (1..=60).sum::<u64>() + 60);
    }
}
