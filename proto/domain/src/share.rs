//! Shares: which scheduler decides about which tenants.
//!
//! Each tenant belongs to one share, and each share to one scheduler at a time. A scheduler acts
//! for a share under a term. Every change of the owner begins a new term with a higher epoch, and
//! the store refuses a write under an older one, so a scheduler that was paused changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use crate::id::{DispatchId, ParseError, Tenant};
use crate::scatter::scatter_bytes;

/// A part of the tenants, by a hash of their names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Share(u8);

impl Share {
    /// The number of shares. It is a part of what the store and the subjects of the bus mean, so it
    /// never changes.
    pub const COUNT: u8 = 16;
    /// The share whose owner also does the work that is not about a tenant, such as to delete
    /// expired data.
    pub const FIRST: Self = Self(0);

    #[must_use]
    pub fn of(tenant: &Tenant) -> Self {
        Self::from_byte((scatter_bytes(tenant.as_str().as_bytes()) >> 56) as u8)
    }

    /// Returns the share that a byte names. Every byte names one.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        Self(byte % Self::COUNT)
    }

    /// Reads the number of a share.
    ///
    /// # Errors
    /// Returns an error if there is no such share.
    pub fn from_number(number: u64) -> Result<Self, ParseError> {
        match u8::try_from(number) {
            Ok(number) if number < Self::COUNT => Ok(Self(number)),
            _ => Err(ParseError { what: "share", reason: "must be from 0 to 15" }),
        }
    }

    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How often the owner of a share has changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Epoch(pub u64);

/// The right of a scheduler to decide about the tenants of a share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Term {
    pub share: Share,
    pub epoch: Epoch,
}

/// The terms of one scheduler.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms(BTreeMap<Share, Epoch>);

impl Terms {
    /// Returns a term for every share, as the only scheduler of a store has them.
    #[must_use]
    pub fn sole() -> Self {
        Share::all().map(|share| Term { share, epoch: Epoch(1) }).collect()
    }

    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> Option<Term> {
        self.get(Share::of(tenant))
    }

    #[must_use]
    pub fn get(&self, share: Share) -> Option<Term> {
        self.0.get(&share).map(|epoch| Term { share, epoch: *epoch })
    }

    pub fn iter(&self) -> impl Iterator<Item = Term> {
        self.0.iter().map(|(share, epoch)| Term { share: *share, epoch: *epoch })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Term> for Terms {
    fn from_iter<I: IntoIterator<Item = Term>>(terms: I) -> Self {
        Self(terms.into_iter().map(|term| (term.share, term.epoch)).collect())
    }
}

impl DispatchId {
    /// Returns this id for a job of the share.
    #[must_use]
    pub fn in_share(self, share: Share) -> Self {
        let mut bytes = *self.as_bytes();
        bytes[0] = share.number();
        Self::new(bytes)
    }

    #[must_use]
    pub fn share(&self) -> Share {
        Share::from_byte(self.as_bytes()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_spread_over_all_shares_and_stay_where_they_are() {
        let shares = (0..1000).map(|n| Share::of(&format!("tenant-{n}").parse().unwrap()));
        let mut counts = BTreeMap::new();
        shares.for_each(|share| *counts.entry(share).or_insert(0) += 1);
        assert_eq!(counts.len(), usize::from(Share::COUNT));
        assert!(counts.values().all(|count| (30..=100).contains(count)), "{counts:?}");
        // The store and the bus of an installation depend on it.
        let shares = ["acme", "local", "other"].map(|name| Share::of(&name.parse().unwrap()).number());
        assert_eq!(shares, [8, 7, 0]);
    }

    #[test]
    fn a_dispatch_names_its_share_and_keeps_its_other_bytes() {
        for share in Share::all() {
            let id = DispatchId::new([0xee; 16]).in_share(share);
            assert_eq!((id.share(), &id.as_bytes()[1..]), (share, &[0xee; 15][..]));
        }
        assert!(Share::from_number(16).is_err());
        assert_eq!(Share::from_number(15).unwrap().number(), 15);
    }
}
