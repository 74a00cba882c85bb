//! What is unusual: four rules over what happened, each with a number that the settings can change.

use protocol::{DAY, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// From when on counts as unusual. 0 turns a rule off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Refused passcodes of one transfer within 24 hours.
    pub refused_passcodes: u32,
    /// Networks that one transfer was opened from within 30 days.
    pub networks: u32,
    /// A sender's day in multiples of their largest of the 60 days before.
    pub volume_times: u32,
    /// Bytes that such a day has at least: a first large study is nothing unusual.
    pub volume_least: u64,
    /// When people work; without, no time is unusual.
    pub hours: Option<Hours>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { refused_passcodes: 10, networks: 4, volume_times: 3, volume_least: 20 << 30, hours: None }
    }
}

/// A time of the day from which to which people work, which may go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Seconds after midnight.
    from: i64,
    to: i64,
    /// Seconds that their clock is before UTC's.
    offset: i64,
}

impl Hours {
    /// Reads `06:00-22:00` and `+01:00`; an empty text is no hours at all. `None` if it does not read.
    #[allow(clippy::option_option, reason = "no hours are one of the answers")]
    pub fn parse(hours: &str, offset: &str) -> Option<Option<Self>> {
        let offset = match offset.split_at_checked(1)? {
            ("+", clock) => parse_clock(clock)?,
            ("-", clock) => -parse_clock(clock)?,
            _ => return None,
        };
        if hours.is_empty() {
            return Some(None);
        }
        let (from, to) = hours.split_once('-')?;
        let (from, to) = (parse_clock(from)?, parse_clock(to)?);
        (from != to).then_some(Some(Self { from, to, offset }))
    }

    fn has(self, at: Timestamp) -> bool {
        let clock = (at.as_unix() + self.offset).rem_euclid(DAY);
        if self.from < self.to { (self.from..self.to).contains(&clock) } else { clock >= self.from || clock < self.to }
    }

    /// The day at these people's clock: a night belongs to the day on which it began.
    fn day(self, at: Timestamp) -> i64 {
        (at.as_unix() + self.offset - self.to).div_euclid(DAY)
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clock = |seconds: i64| format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        let sign = if self.offset < 0 { '-' } else { '+' };
        write!(f, "{} to {} (UTC{sign}{})", clock(self.from), clock(self.to), clock(self.offset.abs()))
    }
}

/// `06:00` in seconds.
fn parse_clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, limit: i64| {
        text.parse::<i64>().ok().filter(|number| text.len() == 2 && (0..limit).contains(number))
    };
    Some(number(hours, 24)? * 3600 + number(minutes, 60)? * 60)
}

/// Something that happened, as far as the rules look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// So many passcodes of a transfer were refused in the last 24 hours.
    Refusals {
        /// Which.
        transfer_id: String,
        /// How many.
        count: u64,
    },
    /// A transfer was opened.
    Opening {
        /// Which.
        transfer_id: String,
        /// From where.
        address: String,
    },
    /// A sender sealed so much on a day, counted from 1970-01-01.
    Volume {
        /// Whose address.
        sender: String,
        /// When.
        day: i64,
        /// Bytes.
        bytes: u64,
    },
    /// A sender did something.
    Act {
        /// Whose address.
        sender: String,
        /// When.
        at: Timestamp,
    },
}

/// Something unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The rule's stable name.
    pub rule: &'static str,
    /// Whom or what it is about: an address or a transfer.
    pub subject: String,
    /// When it is about, if the same may be flagged again another day.
    pub day: Option<i64>,
    /// About which transfer.
    pub transfer_id: Option<String>,
    /// One sentence for an auditor.
    pub detail: String,
}

impl Flag {
    /// The same for the same finding, however often it is made: what is flagged is flagged once.
    pub fn id(&self) -> String {
        format!("{} {} {}", self.rule, self.subject, self.day.map_or_else(String::new, |day| day.to_string()))
    }
}

impl Rules {
    /// What is unusual about these facts, which are of the time up to `now`.
    pub fn judge(&self, facts: &[Fact], now: Timestamp) -> Vec<Flag> {
        let mut flags = self.judge_refusals(facts);
        flags.extend(self.judge_networks(facts));
        flags.extend(self.judge_volumes(facts, now.as_unix().div_euclid(DAY)));
        flags.extend(self.judge_hours(facts));
        flags
    }

    /// The rules in force, one sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let off = |is_on: bool, sentence: String| if is_on { sentence } else { format!("(Off) {sentence}") };
        vec![
            off(
                self.refused_passcodes > 0,
                format!("{} refused passcodes of one transfer within 24 hours.", self.refused_passcodes),
            ),
            off(self.networks > 0, format!("One transfer opened from {} networks within 30 days.", self.networks)),
            off(
                self.volume_times > 0,
                format!(
                    "A sender’s day of {} GiB or more that is {} times their largest of the 60 days before.",
                    self.volume_least >> 30,
                    self.volume_times
                ),
            ),
            match self.hours {
                Some(hours) => format!("Anything that a sender does outside {hours}."),
                None => "(Off) Anything that a sender does outside working hours.".to_owned(),
            },
        ]
    }

    fn judge_refusals(&self, facts: &[Fact]) -> Vec<Flag> {
        let limit = u64::from(self.refused_passcodes);
        let judge = |fact: &Fact| match fact {
            Fact::Refusals { transfer_id, count } if limit > 0 && *count >= limit => {
                let detail = format!("{count} passcodes were refused within 24 hours");
                Some(about_transfer("refused_passcodes", transfer_id, detail))
            }
            _ => None,
        };
        facts.iter().filter_map(judge).collect()
    }

    fn judge_networks(&self, facts: &[Fact]) -> Vec<Flag> {
        let mut networks: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for fact in facts {
            if let Fact::Opening { transfer_id, address } = fact {
                networks.entry(transfer_id).or_default().insert(network_of(address));
            }
        }
        let limit = self.networks as usize;
        let many = networks.into_iter().filter(|(_, networks)| limit > 0 && networks.len() >= limit);
        many.map(|(id, networks)| {
            about_transfer("networks", id, format!("it was opened from {} networks", networks.len()))
        })
        .collect()
    }

    /// Only who has sent before has a past to be compared with.
    fn judge_volumes(&self, facts: &[Fact], today: i64) -> Vec<Flag> {
        let mut volumes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for fact in facts {
            if let Fact::Volume { sender, day, bytes } = fact {
                let (now, before) = volumes.entry(sender).or_default();
                if *day == today {
                    *now += bytes;
                } else if *day < today && *day >= today - 60 {
                    *before = (*before).max(*bytes);
                }
            }
        }
        let times = u64::from(self.volume_times);
        let is_far_above =
            |(now, before): (u64, u64)| times > 0 && before > 0 && now >= self.volume_least && now / times >= before;
        let gib = |bytes: u64| format!("{}.{} GiB", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30);
        let far = volumes.into_iter().filter(|(_, volume)| is_far_above(*volume));
        far.map(|(sender, (now, before))| Flag {
            rule: "volume",
            subject: sender.to_owned(),
            day: Some(today),
            transfer_id: None,
            detail: format!("{} were sent in a day; the most in the 60 days before was {}", gib(now), gib(before)),
        })
        .collect()
    }

    fn judge_hours(&self, facts: &[Fact]) -> Vec<Flag> {
        let Some(hours) = self.hours else { return Vec::new() };
        let judge = |fact: &Fact| match fact {
            Fact::Act { sender, at } if !hours.has(*at) => Some(Flag {
                rule: "hours",
                subject: sender.clone(),
                day: Some(hours.day(*at)),
                transfer_id: None,
                detail: format!("active at {}, outside {hours}", at.to_rfc3339()),
            }),
            _ => None,
        };
        facts.iter().filter_map(judge).collect()
    }
}

fn about_transfer(rule: &'static str, transfer_id: &str, detail: String) -> Flag {
    Flag { rule, subject: transfer_id.to_owned(), day: None, transfer_id: Some(transfer_id.to_owned()), detail }
}

/// The part of an address that one household or ward shares: 24 bits of IPv4, 48 of IPv6.
fn network_of(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V4(address)) => format!("{:?}", &address.octets()[..3]),
        Ok(IpAddr::V6(address)) => format!("{:?}", &address.segments()[..3]),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix(1_800_014_400);

    fn judged(rules: &Rules, facts: &[Fact]) -> Vec<String> {
        rules.judge(facts, NOON).iter().map(Flag::id).collect()
    }

    fn openings(addresses: &[&str]) -> Vec<Fact> {
        let opening = |address: &&str| Fact::Opening { transfer_id: "t".into(), address: (*address).into() };
        addresses.iter().map(opening).collect()
    }

    #[test]
    fn many_refused_passcodes_are_unusual_and_few_are_not() {
        let refusals = |count| [Fact::Refusals { transfer_id: "t".into(), count }];
        assert_eq!(judged(&Rules::default(), &refusals(10)), ["refused_passcodes t "]);
        assert!(judged(&Rules::default(), &refusals(9)).is_empty());
        assert!(judged(&Rules { refused_passcodes: 0, ..Rules::default() }, &refusals(1000)).is_empty());
    }

    #[test]
    fn openings_from_many_networks_are_unusual_and_many_from_one_are_not() {
        let far = openings(&["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"]);
        assert_eq!(judged(&Rules::default(), &far), ["networks t "]);
        let near = openings(&["192.0.2.1", "192.0.2.200", "192.0.2.3", "192.0.2.4", "2001:db8::1", "2001:db8:0:1::2"]);
        assert!(judged(&Rules::default(), &near).is_empty());
        assert!(judged(&Rules { networks: 0, ..Rules::default() }, &far).is_empty());
    }

    #[test]
    fn a_day_far_above_a_senders_own_past_is_unusual_and_a_first_or_a_small_one_is_not() {
        let today = NOON.as_unix() / DAY;
        let volume = |day: i64, gib: u64| Fact::Volume { sender: "ana".into(), day, bytes: gib << 30 };
        let far = [volume(today - 3, 7), volume(today - 2, 2), volume(today, 21)];
        assert_eq!(judged(&Rules::default(), &far), [format!("volume ana {today}")]);
        for usual in [
            vec![volume(today - 3, 8), volume(today, 21)],
            vec![volume(today, 50)],
            vec![volume(today - 61, 1), volume(today, 50)],
            vec![volume(today - 3, 1), volume(today, 19)],
        ] {
            assert!(judged(&Rules::default(), &usual).is_empty(), "{usual:?}");
        }
    }

    #[test]
    fn what_is_done_outside_hours_is_flagged_once_a_night() {
        let hours = Hours::parse("06:00-22:00", "+01:00").unwrap();
        let rules = Rules { hours, ..Rules::default() };
        // Noon in UTC is 13:00 there; 21:30 in UTC is half past ten in the evening.
        let act = |hours: i64| Fact::Act { sender: "ana".into(), at: NOON.plus(hours * 1800) };
        assert!(judged(&rules, &[act(0), act(16)]).is_empty());
        let night = judged(&rules, &[act(19), act(25), act(33)]);
        assert_eq!((night.len(), night.iter().collect::<BTreeSet<_>>().len()), (3, 1), "{night:?}");
        assert_ne!(judged(&rules, &[act(19 + 48)]), night[..1]);
        assert!(judged(&Rules::default(), &[act(19)]).is_empty());
    }

    #[test]
    fn hours_may_go_over_midnight_and_nonsense_is_refused() {
        let night = Hours::parse("22:00-06:00", "+00:00").unwrap().unwrap();
        assert!(night.has(NOON.plus(11 * 3600)) && night.has(NOON.plus(17 * 3600)) && !night.has(NOON));
        assert_eq!(night.to_string(), "22:00 to 06:00 (UTC+00:00)");
        assert_eq!(Hours::parse("", "+00:00"), Some(None));
        for (hours, offset) in [
            ("6-22", "+00:00"),
            ("06:00-24:00", "+00:00"),
            ("06:00-06:00", "+00:00"),
            ("06:00-22:00", "01:00"),
            ("", ""),
        ] {
            assert_eq!(Hours::parse(hours, offset), None, "{hours} {offset}");
        }
    }
}
