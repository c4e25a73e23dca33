//! Limits on what may be in flight, in total and for each owner.

use std::cell::RefCell;
use std::thread::LocalKey;
use std::time::Duration;

use crate::clock;

/// Shares of a limited resource. A share ends when it is dropped or when its time is up, because
/// the runtime may discard a request with its shares without running their destructors.
#[derive(Debug)]
pub(crate) struct Budget {
    in_all: usize,
    of_one: usize,
    last: u64,
    shares: Vec<HeldShare>,
}

#[derive(Debug)]
struct HeldShare {
    number: u64,
    owner: String,
    amount: usize,
    until: u64,
}

impl Budget {
    pub(crate) const fn new(in_all: usize, of_one: usize) -> Self {
        Self { in_all, of_one, last: 0, shares: Vec::new() }
    }

    /// Takes a share and returns its number, or `None` if there is no room.
    fn take(&mut self, owner: &str, amount: usize, until: u64, now: u64) -> Option<u64> {
        self.shares.retain(|share| share.until > now);
        self.has_room(owner, amount).then(|| {
            self.last += 1;
            self.shares.push(HeldShare { number: self.last, owner: owner.to_owned(), amount, until });
            self.last
        })
    }

    /// Enlarges a share. Returns false if there is no room or the share's time is up.
    fn grow(&mut self, number: u64, amount: usize) -> bool {
        let Some(at) = self.shares.iter().position(|share| share.number == number) else { return false };
        let room = self.has_room(&self.shares[at].owner, amount);
        if room {
            self.shares[at].amount += amount;
        }
        room
    }

    fn give_back(&mut self, number: u64) {
        self.shares.retain(|share| share.number != number);
    }

    fn has_room(&self, owner: &str, amount: usize) -> bool {
        let (all, one) = self.shares.iter().fold((amount, amount), |(all, one), share| {
            (all + share.amount, if share.owner == owner { one + share.amount } else { one })
        });
        all <= self.in_all && one <= self.of_one
    }
}

/// A held share.
#[derive(Debug)]
pub(crate) struct Share {
    of: &'static LocalKey<RefCell<Budget>>,
    number: u64,
}

impl Share {
    pub(crate) fn take(
        of: &'static LocalKey<RefCell<Budget>>,
        owner: &str,
        amount: usize,
        time: Duration,
    ) -> Option<Self> {
        let now = clock::now().as_millis();
        let until = now + u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2);
        let number = of.with_borrow_mut(|budget| budget.take(owner, amount, until, now))?;
        Some(Self { of, number })
    }

    pub(crate) fn grow(&self, amount: usize) -> bool {
        self.of.with_borrow_mut(|budget| budget.grow(self.number, amount))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.with_borrow_mut(|budget| budget.give_back(self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_takes_only_a_part_and_all_together_only_the_total() {
        let mut budget = Budget::new(10, 4);
        assert!(budget.take("a", 4, 9, 0).is_some());
        assert_eq!(budget.take("a", 1, 9, 0), None, "its part is taken");
        let second = budget.take("b", 2, 9, 0).unwrap();
        assert!(budget.grow(second, 2) && !budget.grow(second, 1));
        assert!(budget.take("c", 2, 9, 0).is_some());
        assert_eq!(budget.take("d", 1, 9, 0), None, "all is taken");
        budget.give_back(second);
        assert!(budget.take("d", 4, 9, 0).is_some());
    }

    #[test]
    fn a_share_that_is_never_given_back_ends_with_its_time() {
        let mut budget = Budget::new(1, 1);
        let first = budget.take("a", 1, 5, 0).unwrap();
        assert_eq!(budget.take("b", 1, 9, 4), None);
        assert!(budget.take("b", 1, 9, 5).is_some());
        assert!(!budget.grow(first, 0));
        budget.give_back(first);
        assert_eq!(budget.take("c", 1, 9, 6), None, "what was another's is not given back");
    }
}
