//! Who has had how much.
//!
//! Every tenant has a virtual time that grows with what is computed for it; whoever has the smallest comes next. One
//! that returns after a pause starts at the smallest of those that stayed, so that nobody saves up turns. (Sheng et
//! al., "Fairness in Serving Large Language Models", OSDI 2024.)

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use crate::scope::Tenant;
use crate::sequence::SequenceId;

/// What a generated token counts beside computing it: it takes a step of its own.
pub(crate) const GENERATED: u64 = 2;
/// How much more than a tenant with nothing running another must have had before it gives up a place, in tokens.
const MAX_LEAD: u64 = 256;
/// Virtual time per token at a weight of one.
const TOKEN: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Tenants {
    accounts: BTreeMap<Tenant, Account>,
    /// The smallest virtual time of those that wait or run.
    floor: u64,
}

#[derive(Debug)]
pub(crate) struct Account {
    weight: NonZeroU32,
    virtual_time: u64,
    pub(crate) waiting: BTreeSet<SequenceId>,
    pub(crate) running: BTreeSet<SequenceId>,
}

impl Account {
    fn is_active(&self) -> bool {
        !(self.waiting.is_empty() && self.running.is_empty())
    }
}

impl Tenants {
    pub(crate) fn account(&self, tenant: &str) -> Option<&Account> {
        self.accounts.get(tenant)
    }

    pub(crate) fn arrive(&mut self, tenant: &Tenant, weight: NonZeroU32, id: SequenceId) {
        let floor = self.floor;
        let account = self.accounts.entry(tenant.clone()).or_insert_with(|| Account {
            weight,
            virtual_time: floor,
            waiting: BTreeSet::new(),
            running: BTreeSet::new(),
        });
        if !account.is_active() {
            account.virtual_time = account.virtual_time.max(floor);
        }
        account.weight = weight;
        account.waiting.insert(id);
    }

    pub(crate) fn started(&mut self, tenant: &Tenant, id: SequenceId) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.waiting.remove(&id);
            account.running.insert(id);
        }
    }

    pub(crate) fn preempted(&mut self, tenant: &Tenant, id: SequenceId) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.running.remove(&id);
            account.waiting.insert(id);
        }
    }

    pub(crate) fn gone(&mut self, tenant: &Tenant, id: SequenceId) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.running.remove(&id);
            account.waiting.remove(&id);
        }
    }

    pub(crate) fn charge(&mut self, tenant: &Tenant, tokens: u64) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.virtual_time += tokens * TOKEN / u64::from(account.weight.get());
        }
    }

    /// Follows the slowest of those that wait or run, and forgets who has left and has nothing to make up for.
    pub(crate) fn settle(&mut self) {
        let active = self.accounts.values().filter(|account| account.is_active());
        match active.map(|account| account.virtual_time).min() {
            Some(least) => {
                self.floor = self.floor.max(least);
                let floor = self.floor;
                self.accounts.retain(|_, account| account.is_active() || account.virtual_time > floor);
            }
            None => *self = Self::default(),
        }
    }

    pub(crate) fn virtual_time(&self, tenant: &str) -> u64 {
        self.accounts.get(tenant).map_or(self.floor, |account| account.virtual_time)
    }

    /// The tenants with somebody waiting, whose turn it is first.
    pub(crate) fn by_turn(&self) -> Vec<Tenant> {
        let mut waiting: Vec<_> =
            self.accounts.iter().filter(|(_, account)| !account.waiting.is_empty()).collect();
        waiting.sort_by_key(|(_, account)| account.virtual_time);
        waiting.into_iter().map(|(tenant, _)| tenant.clone()).collect()
    }

    /// Who gives up its place for a tenant that has nothing running: the youngest of the one with the most, if that
    /// one keeps another and is well ahead.
    pub(crate) fn gives_way_to(&self, tenant: &str) -> Option<SequenceId> {
        let account = self.accounts.get(tenant).filter(|account| account.running.is_empty())?;
        let ahead = account.virtual_time + MAX_LEAD * TOKEN / u64::from(account.weight.get());
        self.accounts
            .values()
            .filter(|other| other.running.len() > 1 && other.virtual_time > ahead)
            .max_by_key(|other| other.running.len())
            .and_then(|other| other.running.last().copied())
    }
}
