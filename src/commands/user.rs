//! `filmjacket user`: people, for scripts and for whoever has no administrator yet. Also while servers run: each request
//! asks what is in force.

use super::Failure;
use crate::clock::Clock;
use crate::config::{ConfigError, Reading};
use crate::keys::{make_name, make_secret};
use crate::people::{EmailAddress, SignInRule, Standing, parse_day, parse_last_day, parse_role, role_text};
use crate::store::{Account, AccountNotice, AuditEntry, Event, NewMail, NewPerson, PersonChange, Store};
use clap::{Args, Subcommand};
use protocol::Timestamp;
use protocol::people::{May, Person};
use protocol::sign_in::Role;
use std::io::Write as _;

/// What can be done about people.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Give somebody an account, before they sign in first.
    Add {
        /// Whom.
        email: String,
        /// What they may do.
        #[arg(long = "role", value_name = "ROLE", required = true, value_parser = read_role)]
        roles: Vec<Role>,
        /// The department that they send in.
        #[arg(long, default_value = "")]
        department: String,
        #[command(flatten)]
        dates: Days,
        /// Mail them that they have an account. A running server sends it.
        #[arg(long)]
        mail: bool,
    },
    /// Print everybody, by address.
    List {
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Have somebody hold these roles and no others: sender, auditor, administrator, department_head.
    Role {
        /// Whom.
        email: String,
        /// Which.
        #[arg(required = true, value_parser = read_role)]
        roles: Vec<Role>,
    },
    /// Say from when until when somebody may sign in; what is left out is no bound.
    Dates {
        /// Whom.
        email: String,
        #[command(flatten)]
        dates: Days,
    },
    /// Say in which department somebody sends; without a name, in none.
    Department {
        /// Whom.
        email: String,
        /// Its name.
        #[arg(default_value = "")]
        name: String,
    },
    /// Take somebody off at once: their sessions end with the next request.
    Disable {
        /// Whom.
        email: String,
    },
    /// Take that back.
    Enable {
        /// Whom.
        email: String,
    },
    /// Take what somebody is at the provider of single sign-on from their account, and end their sessions and access tokens: the
    /// next sign-in by the provider binds anew. For who got another identity there. Make sure first, by voice, that it is they who ask.
    Unbind {
        /// Whom.
        email: String,
    },
    /// Remove all second steps and recovery codes of somebody who has lost them, and end their sessions. They set up new ones
    /// after the next code from the mail. Make sure first, by voice, that it is they who ask.
    ResetFactors {
        /// Whom.
        email: String,
    },
}

/// From when until when.
#[derive(Debug, Args)]
pub(super) struct Days {
    /// The first day, such as 2027-01-15 (UTC).
    #[arg(long, value_name = "DAY", value_parser = read_day)]
    from: Option<Timestamp>,
    /// The last day, itself included.
    #[arg(long, value_name = "DAY", value_parser = read_last_day)]
    until: Option<Timestamp>,
}

fn read_role(text: &str) -> Result<Role, String> {
    parse_role(text).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.into_iter().map(role_text).collect();
        format!("the roles are {}", known.join(", "))
    })
}

fn read_day(text: &str) -> Result<Timestamp, String> {
    parse_day(text).ok_or_else(|| "a day looks like 2027-01-15".to_owned())
}

fn read_last_day(text: &str) -> Result<Timestamp, String> {
    parse_last_day(text).ok_or_else(|| "a day looks like 2027-01-15".to_owned())
}

/// Does it, with an audit row by the *operator*.
pub(super) async fn run(what: What, reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    let config = reading?.config;
    let store = Store::open(&config.database).await?;
    let now = Clock::System.now();
    match what {
        What::Add { email, roles, department, dates, mail } => {
            let email = parse_address(&email)?;
            let may = May { roles, department, valid_from: dates.from, valid_until: dates.until };
            let standing =
                Standing { invited_at: Some(now), ..Standing::parse(&may).map_err(|problem| problem.detail)? };
            let new = NewPerson { account_id: &*make_secret()?, email: &email, standing: &standing };
            let letter = if mail { Some(NewMail::invitation(make_name()?, &email, now)) } else { None };
            let entry = entry(Event::PersonInvited, &email, &standing, now);
            if !store.add_person(&new, letter.as_ref(), &entry).await? {
                return Err(format!("{email} has an account already").into());
            }
        }
        What::List { json } => list(&store, &config.sign_in, json, now).await?,
        What::Role { email, roles } => change(&store, &email, now, |may| may.roles = roles).await?,
        What::Dates { email, dates } => {
            change(&store, &email, now, |may| (may.valid_from, may.valid_until) = (dates.from, dates.until)).await?;
        }
        What::Department { email, name } => change(&store, &email, now, |may| may.department = name).await?,
        What::Disable { email } => {
            let account = find(&store, &email).await?;
            let entry = entry(Event::PersonDisabled, &account.email, &account.standing, now);
            told(store.disable_person(&account.account_id, &entry).await?)?;
        }
        What::Enable { email } => {
            let account = find(&store, &email).await?;
            let entry = entry(Event::PersonEnabled, &account.email, &account.standing, now);
            told(store.enable_person(&account.account_id, &entry).await?)?;
        }
        What::Unbind { email } => unbind(&store, &email, now).await?,
        What::ResetFactors { email } => reset_factors(&store, &email, now).await?,
    }
    store.close().await;
    Ok(())
}

async fn change(store: &Store, email: &str, now: Timestamp, alter: impl FnOnce(&mut May)) -> Result<(), Failure> {
    let account = find(store, email).await?;
    let mut may = account.standing.may();
    alter(&mut may);
    let standing = Standing::parse(&may).map_err(|problem| problem.detail)?;
    let entry = entry(Event::PersonChanged, &account.email, &standing, now);
    told(store.change_person(&account.account_id, &standing, &entry).await?)
}

fn told(change: PersonChange) -> Result<(), Failure> {
    match change {
        PersonChange::Made => Ok(()),
        PersonChange::Refused => Err("there would be no administrator left; make another one first".into()),
    }
}

async fn find(store: &Store, email: &str) -> Result<Account, Failure> {
    let email = parse_address(email)?;
    store.find_account(&email).await?.ok_or_else(|| format!("{email} has no account").into())
}

fn parse_address(text: &str) -> Result<EmailAddress, Failure> {
    EmailAddress::parse(text, "email").map_err(|problem| problem.detail.into())
}

fn entry(event: Event, email: &EmailAddress, standing: &Standing, at: Timestamp) -> AuditEntry {
    AuditEntry { detail: format!("{email}; {standing}"), ..AuditEntry::by("operator", event, at) }
}

/// People on one page of the list.
const PAGE: u32 = 200;

async fn list(store: &Store, rule: &SignInRule, json: bool, now: Timestamp) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut after = String::new();
    let tokens = store.count_tokens(now).await?;
    loop {
        let people = store.list_people("", &after, PAGE).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after = last.email.account_key();
        for account in people {
            let person: Person = account.shown(rule, None, &tokens, now);
            if json {
                writeln!(out, "{}", serde_json::to_string(&person)?)?;
            } else {
                let state = serde_json::to_value(person.state)?;
                writeln!(out, "{}  {}  {}", person.email, state.as_str().unwrap_or_default(), account.standing)?;
            }
        }
    }
}

async fn unbind(store: &Store, email: &str, now: Timestamp) -> Result<(), Failure> {
    let account = find(store, email).await?;
    let entry = entry(Event::IdentityUnbound, &account.email, &account.standing, now);
    let what =
        "Whoever runs this server separated your account from your clinic's sign-in and ended its sessions and access tokens.".to_owned();
    let notice = AccountNotice { mail_id: make_name()?, what };
    let gone = store.unbind_identities(&account.account_id, &notice, &entry).await?;
    let ended = if gone > 0 { ", sessions and access tokens ended" } else { "" };
    writeln!(std::io::stdout().lock(), "{}: {gone} identities unbound{ended}", account.email)?;
    Ok(())
}

async fn reset_factors(store: &Store, email: &str, now: Timestamp) -> Result<(), Failure> {
    let account = find(store, email).await?;
    let entry = entry(Event::FactorsReset, &account.email, &account.standing, now);
    let what = "Whoever runs this server removed all second steps of your account and ended its sessions.".to_owned();
    let notice = AccountNotice { mail_id: make_name()?, what };
    match store.reset_factors(&account.email.account_key(), &notice, &entry).await? {
        None => Err(format!("{} has no account", account.email).into()),
        Some(removed) => {
            writeln!(std::io::stdout().lock(), "{}: {removed} second steps removed, sessions ended", account.email)?;
            Ok(())
        }
    }
}
