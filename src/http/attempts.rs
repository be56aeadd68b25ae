//! How often passwords may be tried: some at once, then one now and then, for each account and for each address.
//!
//! Nobody is locked out for long, and guessing takes years: an account is tried 2,885 times a day at most, whoever tries.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::account::AccountName;
use crate::store::Millis;

/// Tries of one account at once, and the time after which there is one more.
const OF_ACCOUNT: Pace = Pace { at_once: 5, one_more: 30_000 };
/// Those of one address: people share machines, and a proxy has one address for all.
const OF_ADDRESS: Pace = Pace { at_once: 20, one_more: 5_000 };
/// Accounts or addresses that are kept in mind. Beyond that strangers wait, which takes as many addresses at the same time.
const KEPT: usize = 4096;

#[derive(Clone, Copy)]
struct Pace {
    at_once: Millis,
    one_more: Millis,
}

/// Tries of late.
#[derive(Default)]
pub(super) struct Attempts {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    accounts: HashMap<AccountName, Millis>,
    addresses: HashMap<IpAddr, Millis>,
}

impl Attempts {
    /// Takes one try. `name` is absent where what was typed is no name.
    ///
    /// # Errors
    /// Milliseconds until the next try, where there is none now.
    pub(super) fn take(&self, name: Option<&AccountName>, address: IpAddr, now: Millis) -> Result<(), Millis> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        take(&mut known.addresses, address, OF_ADDRESS, now)?;
        match name {
            Some(name) => take(&mut known.accounts, name.clone(), OF_ACCOUNT, now),
            None => Ok(()),
        }
    }

    /// The password was right: the try does not count, and those of the account before it are forgotten.
    pub(super) fn succeeded(&self, name: &AccountName, address: IpAddr) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.accounts.remove(name);
        if let Some(free) = known.addresses.get_mut(&network(address)) {
            *free -= OF_ADDRESS.one_more;
        }
    }
}

/// The generic cell rate algorithm: of each key only the time is kept at which all its tries are there again.
fn take<K: Eq + Hash>(known: &mut HashMap<K, Millis>, key: K, pace: Pace, now: Millis) -> Result<(), Millis> {
    if known.len() >= KEPT && !known.contains_key(&key) {
        known.retain(|_, free| *free > now);
        if known.len() >= KEPT {
            return Err(pace.one_more);
        }
    }
    let free = known.get(&key).copied().unwrap_or(now).max(now);
    let wait = free - now - (pace.at_once - 1) * pace.one_more;
    if wait > 0 {
        return Err(wait);
    }
    known.insert(key, free + pace.one_more);
    Ok(())
}

/// What one customer of a network has: an address of IPv4, the first half of one of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            IpAddr::V6(segments.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    fn address(number: usize) -> IpAddr {
        IpAddr::V4(u32::try_from(number).unwrap().into())
    }

    #[test]
    fn an_account_is_tried_slowly_from_wherever() {
        let (attempts, lan) = (Attempts::default(), name("lan"));
        for number in 0..5 {
            attempts.take(Some(&lan), address(number), 0).unwrap();
        }
        assert_eq!(attempts.take(Some(&lan), address(9), 0), Err(30_000));
        assert_eq!(attempts.take(Some(&name("minh")), address(9), 0), Ok(()), "others go on");
        assert_eq!(attempts.take(Some(&lan), address(9), 29_999), Err(1));
        assert_eq!(attempts.take(Some(&lan), address(9), 30_000), Ok(()));
        assert_eq!(attempts.take(Some(&lan), address(9), 30_000), Err(30_000));
        attempts.succeeded(&lan, address(9));
        assert_eq!(attempts.take(Some(&lan), address(9), 30_000), Ok(()), "its person is there");
    }

    #[test]
    fn an_address_tries_slowly_whatever_names_it_thinks_of() {
        let attempts = Attempts::default();
        for number in 0..20 {
            attempts.take(Some(&name(&format!("a{number}"))), HERE, 0).unwrap();
        }
        assert_eq!(attempts.take(Some(&name("b")), HERE, 0), Err(5_000));
        assert_eq!(attempts.take(None, HERE, 0), Err(5_000));
        assert_eq!(attempts.take(None, "::ffff:127.0.0.1".parse().unwrap(), 0), Err(5_000), "the same address");
        attempts.succeeded(&name("a0"), HERE);
        assert_eq!(attempts.take(None, HERE, 0), Ok(()));
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:1".parse().unwrap()));
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let attempts = Attempts::default();
        for number in 0..KEPT {
            attempts.take(None, address(number), 0).unwrap();
        }
        assert!(attempts.take(None, address(KEPT), 0).is_err());
        assert!(attempts.take(None, address(KEPT), 5_000).is_ok(), "the others are forgotten");
        assert_eq!(attempts.known.lock().unwrap().addresses.len(), 1);
    }
}
