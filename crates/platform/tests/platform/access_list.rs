//! Access lists of keys, against bytes and SIDs that Windows itself has made.

use baton_platform::access_list::{Access, AccessList, Account, Effect, Entry, InvalidDescriptor, Sid};

fn entry(effect: Effect, mask: u32, sid: &str) -> Entry {
    Entry::Account { effect, flags: 0, mask, sid: sid.parse().unwrap() }
}

fn account(name: &str) -> Account {
    Account::well_known(name).unwrap()
}

fn usual() -> AccessList {
    AccessList {
        entries: vec![
            entry(Effect::Allow, 0x001F_01FF, "S-1-5-18"),
            entry(Effect::Allow, 0x001F_01FF, "S-1-5-32-544"),
        ],
    }
}

#[test]
fn the_sid_of_a_service_is_the_one_that_windows_gives_it() {
    // As `sc showsid` tells them.
    for (service, sid) in [
        ("TrustedInstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
        ("trustedinstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
        ("MSSQLSERVER", "S-1-5-80-3880718306-3832830129-1677859214-2598158968-1052248003"),
    ] {
        assert_eq!(Sid::of_service(service).to_string(), sid);
        assert_eq!(account(&format!(r"NT SERVICE\{service}")).sid.to_string(), sid);
    }
    for (name, sid) in [
        ("LocalSystem", "S-1-5-18"),
        ("", "S-1-5-18"),
        (r"NT AUTHORITY\LocalService", "S-1-5-19"),
        (r"nt authority\network service", "S-1-5-20"),
    ] {
        assert_eq!(account(name).sid.to_string(), sid);
    }
    for looked_up in [r"EXAMPLE\sap", r".\sap", "sap@example.com"] {
        assert_eq!(Account::well_known(looked_up), None);
    }
}

#[test]
fn sids_are_read_and_written_as_windows_does() {
    let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    let sid = Sid::from_bytes(&bytes).unwrap();
    assert_eq!(sid, Sid::ADMINISTRATORS);
    assert_eq!(sid.to_bytes(), bytes);
    assert_eq!("S-1-5-32-544".parse(), Ok(sid));
    for text in ["", "S-1", "S-1-", "S-1-5-x", "S-2-5-18", "S-1-5--18", "S-1-281474976710656-1"] {
        assert!(text.parse::<Sid>().is_err(), "{text}");
    }
    assert!(Sid::from_bytes(&bytes[..15]).is_err(), "cut off");
    assert!(Sid::from_bytes(&[1, 16, 0, 0, 0, 0, 0, 5]).is_err(), "more parts than there are");
}

#[test]
fn a_descriptor_goes_round_whole_and_rubbish_is_refused() {
    // D:(D;;FR;;;BU)(A;;FA;;;SY), and an entry of a kind that is not known here: a callback.
    let other = vec![9, 0, 20, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let list = AccessList {
        entries: vec![
            entry(Effect::Deny, 0x0012_0089, "S-1-5-32-545"),
            entry(Effect::Allow, 0x001F_01FF, "S-1-5-18"),
            Entry::Other(other.clone()),
        ],
    };
    let bytes = list.to_descriptor().unwrap();
    assert_eq!(AccessList::from_descriptor(&bytes).unwrap(), list);
    assert!(bytes.ends_with(&other));
    for length in 0..bytes.len() {
        assert_eq!(AccessList::from_descriptor(&bytes[..length]), Err(InvalidDescriptor), "{length} bytes");
    }
    // Without a list everyone may do everything.
    let open = AccessList::from_descriptor(&[1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(open.unwrap().may_read(&account(r"NT SERVICE\yunIO Service")));
}

#[test]
fn who_may_read_is_decided_as_windows_does() {
    let (service, system) = (account(r"NT SERVICE\yunIO Service"), account("LocalSystem"));
    assert!(usual().may_read(&system));
    assert!(!usual().may_read(&service), "only the system and administrators may");
    for (entries, may) in [
        (vec![entry(Effect::Allow, 0x8000_0000, &service.sid.to_string())], true),
        (vec![entry(Effect::Allow, 0x0012_0089, "S-1-5-80-0")], true),
        (vec![entry(Effect::Allow, 0x0012_0089, "S-1-1-0")], true),
        (vec![entry(Effect::Allow, 0x1000_0000, "S-1-5-11")], true),
        (vec![entry(Effect::Allow, 0x0012_0116, "S-1-1-0")], false),
        (vec![entry(Effect::Allow, 0x8000_0000, "S-1-5-21-1-2-3-1001")], false),
        // The first entry that speaks of a right decides.
        (vec![entry(Effect::Deny, 1, "S-1-1-0"), entry(Effect::Allow, 0x8000_0000, "S-1-5-6")], false),
        (vec![entry(Effect::Allow, 0x8000_0000, "S-1-5-6"), entry(Effect::Deny, 1, "S-1-1-0")], true),
        (vec![entry(Effect::Deny, 2, "S-1-1-0"), entry(Effect::Allow, 0x8000_0000, "S-1-5-6")], true),
        // Rights of two entries add up.
        (vec![entry(Effect::Allow, 1, "S-1-5-6"), entry(Effect::Allow, 0x0002_0088, "S-1-1-0")], true),
    ] {
        let list = AccessList { entries };
        assert_eq!(list.may_read(&service), may, "{list:?}");
    }
    let below = Entry::Account { effect: Effect::Allow, flags: 0x0B, mask: 0x8000_0000, sid: Sid::EVERYONE };
    assert_eq!(below.access(), None);
    assert!(!AccessList { entries: vec![below] }.may_read(&service), "for objects below alone");
}

#[test]
fn a_new_key_gets_the_entries_of_the_old_one_and_read_for_the_service() {
    let service = account(r"NT SERVICE\yunIO Service");
    let mut old = usual();
    old.entries.push(Entry::Account {
        effect: Effect::Allow,
        flags: 0x10,
        mask: 0x0012_0089,
        sid: "S-1-5-21-1-2-3-1001".parse().unwrap(),
    });
    old.entries.push(entry(Effect::Deny, 0x0012_0089, "S-1-5-32-546"));
    let new = usual().with_entries_of(&old).with_read_for(&service);
    assert!(new.may_read(&service));
    let shown: Vec<_> = new
        .entries
        .iter()
        .map(|entry| match entry {
            Entry::Account { effect, flags, sid, .. } => {
                (*effect, *flags, sid.to_string(), entry.access().unwrap())
            }
            Entry::Other(_) => unreachable!("there was none"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            (Effect::Deny, 0, "S-1-5-32-546".to_owned(), Access::Read),
            (Effect::Allow, 0, "S-1-5-18".to_owned(), Access::Full),
            (Effect::Allow, 0, "S-1-5-32-544".to_owned(), Access::Full),
            (Effect::Allow, 0, "S-1-5-21-1-2-3-1001".to_owned(), Access::Read),
            (Effect::Allow, 0, service.sid.to_string(), Access::Read),
        ]
    );
    assert_eq!(new.clone().with_entries_of(&old).with_read_for(&service), new, "again changes nothing");
}
