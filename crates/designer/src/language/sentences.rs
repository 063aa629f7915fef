//! Texts with values in them.

use std::fmt::Display;

use super::Language;

macro_rules! sentences {
    ($($name:ident($($value:ident),+): $english:literal, $german:literal;)+) => {
        impl Language {
            $(pub(crate) fn $name(self, $($value: impl Display),+) -> String {
                match self {
                    Self::English => format!($english),
                    Self::German => format!($german),
                }
            })+
        }
    };
}

sentences! {
    // Times.
    days(count): "{count}\u{a0}days", "{count}\u{a0}Tage";
    days_after_preposition(count): "{count}\u{a0}days", "{count}\u{a0}Tagen";
    hours(count): "{count}\u{a0}h", "{count}\u{a0}Std.";
    minutes(count): "{count}\u{a0}min", "{count}\u{a0}Min.";
    seconds(count): "{count}\u{a0}s", "{count}\u{a0}s";
    ago(span): "{span} ago", "vor {span}";
    ahead(span): "in {span}", "in {span}";
    expired_ago(span): "expired {span} ago", "abgelaufen vor {span}";
    until(moment): "until {moment}", "bis {moment}";

    // Who is let in.
    wait_seconds(seconds): "Too many tries have failed. The next one is taken in {seconds} seconds.",
        "Zu viele Versuche sind fehlgeschlagen. Der nächste wird in {seconds} Sekunden angenommen.";

    // The overview.
    one_needs_attention_soon(total, things): "1 of {total} {things} needs attention soon.",
        "1 von {total} {things} braucht bald Aufmerksamkeit.";
    some_need_attention_soon(count, total, things): "{count} of {total} {things} need attention soon.",
        "{count} von {total} {things} brauchen bald Aufmerksamkeit.";
    one_needs_attention_now(total, things): "1 of {total} {things} needs attention now.",
        "1 von {total} {things} braucht jetzt Aufmerksamkeit.";
    some_need_attention_now(count, total, things): "{count} of {total} {things} need attention now.",
        "{count} von {total} {things} brauchen jetzt Aufmerksamkeit.";
    next_renewal(span): "The next renewal is due in {span}.", "Die nächste Erneuerung ist in {span} fällig.";
    for_target(target): "for {target}", "für {target}";
    issued_by_name(issuer): "issued by {issuer}", "ausgestellt von {issuer}";
    rows_shown(first, last, total): "{first} to {last} of {total}", "{first} bis {last} von {total}";
    as_of(moment): "As of {moment}.", "Stand {moment}.";
    refreshes_every(seconds): "This page loads itself again every {seconds} s.",
        "Diese Seite lädt sich alle {seconds} s neu.";
    more_rows(count): "{count} more are not drawn: narrow them down by a search.",
        "{count} weitere sind nicht gezeichnet: Grenzen Sie sie durch eine Suche ein.";
    timeline_row(name, from, to): "{name}: from {from} to {to}", "{name}: von {from} bis {to}";

    // Pages of one thing.
    handover_title(id): "Handover {id}", "Übergabe {id}";
    target_title(name): "Target {name}", "Ziel {name}";
    certificate_title(name): "Certificate {name}", "Zertifikat {name}";
    issuers_count(count): "and {count} that issued it", "und {count}, die es ausgestellt haben";
    settings_add(thing): "Add: {thing}", "Hinzufügen: {thing}";
    stale_for(seconds): "the old one was seen for {seconds} s more",
        "das alte wurde noch {seconds} s lang gesehen";
}
