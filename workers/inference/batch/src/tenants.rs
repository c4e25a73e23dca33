//! Fairness between tenants.
//!
//! Every tenant has a virtual time that grows with what is computed for it, and the tenant with the
//! smallest one comes next. A tenant that returns after a pause starts at the smallest virtual time
//! of the active tenants, so a pause saves up no turns. (Sheng et al., "Fairness in Serving Large
//! Language Models", OSDI 2024.)

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use crate::scope::Tenant;
use crate::sequence::SequenceId;

/// The extra cost of a generated token, which needs a step of its own.
pub(crate) const GENERATED_TOKEN_COST: u64 = 2;
/// How many tokens ahead of a tenant without running sequences another tenant must be before it
/// gives up a place.
const MAX_LEAD: u64 = 256;
/// The virtual time per token at a weight of one.
const VIRTUAL_TIME_PER_TOKEN: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Tenants {
    accounts: BTreeMap<Tenant, Account>,
    /// The smallest virtual time of the active tenants.
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

    pub(crate) fn enqueue(&mut self, tenant: &Tenant, weight: NonZeroU32, id: SequenceId) {
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

    pub(crate) fn removed(&mut self, tenant: &Tenant, id: SequenceId) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.running.remove(&id);
            account.waiting.remove(&id);
        }
    }

    pub(crate) fn charge(&mut self, tenant: &Tenant, tokens: u64) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.virtual_time += tokens * VIRTUAL_TIME_PER_TOKEN / u64::from(account.weight.get());
        }
    }

    /// Raises the floor to the slowest active tenant. Forgets inactive tenants that are not ahead
    /// of it.
    pub(crate) fn update_floor(&mut self) {
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

    /// Returns the tenants with waiting sequences, in the order of their turns.
    pub(crate) fn by_turn(&self) -> Vec<Tenant> {
        let mut waiting: Vec<_> =
            self.accounts.iter().filter(|(_, account)| !account.waiting.is_empty()).collect();
        waiting.sort_by_key(|(_, account)| account.virtual_time);
        waiting.into_iter().map(|(tenant, _)| tenant.clone()).collect()
    }

    /// Returns the sequence to preempt for a tenant that has nothing running. It is the youngest of
    /// the tenant with the most running sequences, if that tenant keeps another one and is well
    /// ahead.
    pub(crate) fn preemption_victim(&self, tenant: &str) -> Option<SequenceId> {
        let account = self.accounts.get(tenant).filter(|account| account.running.is_empty())?;
        let ahead =
            account.virtual_time + MAX_LEAD * VIRTUAL_TIME_PER_TOKEN / u64::from(account.weight.get());
        self.accounts
            .values()
            .filter(|other| other.running.len() > 1 && other.virtual_time > ahead)
            .max_by_key(|other| other.running.len())
            .and_then(|other| other.running.last().copied())
    }
}
