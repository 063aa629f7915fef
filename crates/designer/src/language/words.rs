//! Texts that are always the same.

use super::Language;

macro_rules! words {
    ($($name:ident: $english:literal, $german:literal;)+) => {
        impl Language {
            $(pub(crate) fn $name(self) -> &'static str {
                match self {
                    Self::English => $english,
                    Self::German => $german,
                }
            })+
        }
    };
}

words! {
    // Everywhere.
    skip_to_content: "Skip to the content", "Zum Inhalt springen";
    pages: "Pages", "Seiten";
    overview: "Overview", "Übersicht";
    timeline: "Timeline", "Zeitleiste";
    store: "Store", "Speicher";
    history: "History", "Verlauf";
    no_such_page: "There is no such page.", "Diese Seite gibt es nicht.";
    no_such_page_title: "There is no such page", "Diese Seite gibt es nicht";
    to_the_overview: "To the overview", "Zur Übersicht";
    back: "Back", "Zurück";
    none: "none", "keines";
    not_known: "not known", "nicht bekannt";
    to: "to", "zu";

    account: "Account", "Konto";

    // Who is let in.
    sign_in: "Sign in", "Anmelden";
    sign_out: "Sign out", "Abmelden";
    user_name: "Name", "Name";
    user_password: "Password", "Passwort";
    locked_out: "Locked out? On this machine:", "Ausgesperrt? An dieser Maschine:";
    no_user_yet: "There is no user yet. A start of `baton up` prints a link for the first one; on this machine \
                  `baton user add NAME --level server-admin` does the same.",
        "Es gibt noch keinen Benutzer. `baton up` gibt beim Start einen Link für den ersten aus; an dieser Maschine tut \
         `baton user add NAME --level server-admin` dasselbe.";
    credentials_missing: "Name and password are needed.", "Name und Passwort werden gebraucht.";
    credentials_wrong: "Name or password is wrong.", "Name oder Passwort ist falsch.";
    user_without_access: "This user has no access. A Server Admin can give it another level.",
        "Dieser Benutzer hat keinen Zugriff. Ein Server Admin kann ihm eine andere Stufe geben.";
    first_user: "The first user", "Der erste Benutzer";
    first_user_hint: "Whoever is added here is Server Admin. The link that led here can be used once.",
        "Wer hier angelegt wird, ist Server Admin. Der Link, der hierher führte, gilt einmal.";
    new_password: "Password, at least 12 characters", "Passwort, mindestens 12 Zeichen";
    password_again: "The password again", "Das Passwort noch einmal";
    add_and_sign_in: "Add and sign in", "Anlegen und anmelden";
    change_password: "Change the password", "Passwort ändern";
    change_password_hint: "Everyone who is signed in as you elsewhere is signed out.",
        "Wer anderswo als Sie angemeldet ist, wird abgemeldet.";
    old_password: "Password until now", "Bisheriges Passwort";
    old_password_wrong: "The password until now is wrong: nothing was changed.",
        "Das bisherige Passwort ist falsch: Nichts wurde geändert.";
    password_changed: "The password is changed.", "Das Passwort ist geändert.";
    passwords_missing: "All three passwords are needed.", "Alle drei Passwörter werden gebraucht.";
    password_of_nobody: "Only people who are signed in have a password.",
        "Nur wer angemeldet ist, hat ein Passwort.";
    password_too_short: "The password has fewer than 12 characters.", "Das Passwort hat weniger als 12 Zeichen.";
    password_too_long: "The password has more than 1024 bytes.", "Das Passwort hat mehr als 1024 Bytes.";
    password_not_hashed: "The password cannot be kept: see that 19 MiB of memory are free.",
        "Das Passwort kann nicht aufgehoben werden: 19 MiB Speicher müssen frei sein.";
    passwords_differ: "The two passwords are not the same.", "Die beiden Passwörter sind nicht gleich.";
    link_void: "This link is no longer good", "Dieser Link gilt nicht mehr";
    link_void_hint: "It can be used once, within an hour. The next start of `baton up` prints another, as long as there \
                     is no user; on this machine `baton user add NAME --level server-admin` does the same at any time.",
        "Er gilt einmal, eine Stunde lang. Der nächste Start von `baton up` gibt einen anderen aus, solange es keinen \
         Benutzer gibt; an dieser Maschine tut `baton user add NAME --level server-admin` jederzeit dasselbe.";
    level: "Level", "Stufe";
    access_anonymous: "Access is anonymous: whoever reaches the loopback interface of this machine is its Server Admin. \
                       Users sign in with `access = \"authenticated\"` in `[designer]` of the settings.",
        "Der Zugang ist anonym: Wer die Loopback-Schnittstelle dieser Maschine erreicht, ist ihr Server Admin. Mit \
         `access = \"authenticated\"` unter `[designer]` in den Einstellungen melden sich Benutzer an.";
    audit_log: "Audit log", "Protokoll";
    audit_empty: "Nothing was changed yet.", "Noch wurde nichts geändert.";
    audit_when: "When", "Wann";
    audit_who: "Who", "Wer";
    audit_via: "Known by", "Bekannt durch";
    audit_from: "From", "Von";
    audit_action: "Did what", "Was";
    audit_object: "To what", "Woran";
    audit_outcome: "Outcome", "Ergebnis";
    audit_unended: "not known to have ended", "Ende nicht bekannt";
    older_entries: "Older entries", "Ältere Einträge";

    // How urgent it is.
    fine: "Fine", "In Ordnung";
    attention_soon: "Attention soon", "Bald handeln";
    attention_now: "Attention now", "Jetzt handeln";
    notice: "notice", "Hinweis";
    warning: "warning", "Warnung";
    error: "error", "Fehler";
    all_is_fine: "Every certificate is fine.", "Alle Zertifikate sind in Ordnung.";
    attention_is_needed_soon: "Attention is needed soon.", "Bald ist etwas zu tun.";
    attention_is_needed_now: "Attention is needed now.", "Jetzt ist etwas zu tun.";
    among_endpoints: "endpoints", "Endpunkten";
    among_entries: "entries", "Einträgen";
    just_now: "just now", "gerade eben";
    one_day: "1 day", "1 Tag";
    less_than_a_day: "less than a day", "weniger als ein Tag";
    expired: "expired", "abgelaufen";
    nothing_yet: "There is nothing to look after yet.", "Es gibt noch nichts zu betreuen.";
    settings_name_nothing: "The settings name neither a certificate nor a target.",
        "Die Einstellungen nennen weder ein Zertifikat noch ein Ziel.";
    state_unreadable: "The state of the certificates cannot be read.",
        "Der Zustand der Zertifikate kann nicht gelesen werden.";
    renewal_is_due: "A renewal is due.", "Eine Erneuerung ist fällig.";

    // The overview.
    certificates_caption: "Certificates and where they are served", "Zertifikate und wo sie ausgeliefert werden";
    certificate: "Certificate", "Zertifikat";
    state: "State", "Zustand";
    endpoint: "Endpoint", "Endpunkt";
    served: "Served", "Ausgeliefert";
    time_left: "Time left", "Restzeit";
    part_left: "Part of the lifetime that is left", "Anteil der verbleibenden Laufzeit";
    renewal_due: "Renewal due", "Erneuerung fällig";
    last_asked: "Last asked", "Zuletzt gefragt";
    not_in_settings: "not in the settings", "nicht in den Einstellungen";
    none_known: "none known", "keiner bekannt";
    no_common_name: "no common name", "ohne Common Name";
    nothing: "nothing", "nichts";
    not_asked_yet: "not asked yet", "noch nicht gefragt";
    as_issued: "as issued", "wie ausgestellt";
    due_ari: "as its issuer suggests (ARI)", "wie die Zertifizierungsstelle vorschlägt (ARI)";
    due_lifetime: "by its lifetime", "nach seiner Laufzeit";
    due_retry: "tried again then", "dann neuer Versuch";
    due_pending: "issued, to be handed over", "ausgestellt, Übergabe steht aus";
    search: "Search", "Suche";
    search_hint: "certificate, target, endpoint, issuer, thumbprint",
        "Zertifikat, Ziel, Endpunkt, Aussteller, Fingerabdruck";
    show_all: "All", "Alle";
    sort_by: "Sort by", "Sortieren nach";
    sort_urgency: "urgency", "Dringlichkeit";
    apply: "Apply", "Anwenden";
    nothing_matches: "Nothing matches. Search for something else.",
        "Nichts passt dazu. Suchen Sie nach etwas anderem.";
    previous_page: "Previous", "Vorherige";
    next_page: "Next", "Nächste";
    way_out: "What to do now", "Was jetzt zu tun ist";
    stop_refresh: "Stop that", "Das anhalten";
    page_stays: "This page stays as it is.", "Diese Seite bleibt, wie sie ist.";
    start_refresh: "Load it again by itself", "Wieder von selbst neu laden";

    // The timeline.
    timeline_caption: "The lifetimes of all certificates", "Die Laufzeiten aller Zertifikate";
    today: "now", "jetzt";
    lifetime: "lifetime", "Laufzeit";
    renewal_window: "renewal window", "Erneuerungsfenster";
    past_handover: "handover", "Übergabe";
    nothing_to_draw: "No certificate was seen at an endpoint yet.",
        "An keinem Endpunkt wurde bisher ein Zertifikat gesehen.";

    // Handovers.
    last_handovers: "Last handovers", "Letzte Übergaben";
    handovers: "Handovers", "Übergaben";
    handovers_unreadable: "The last handovers cannot be read.",
        "Die letzten Übergaben können nicht gelesen werden.";
    no_handover_yet: "There was no handover yet.", "Es gab noch keine Übergabe.";
    handover: "Handover", "Übergabe";
    outcome: "Outcome", "Ergebnis";
    begun: "Begun", "Begonnen";
    target: "Target", "Ziel";
    old_to_new: "Old to new", "Alt zu neu";
    took: "Took", "Dauer";
    proofs: "Proofs", "Nachweise";
    under_way: "under way", "läuft";
    outcome_served: "served", "ausgeliefert";
    outcome_unchanged: "unchanged", "unverändert";
    outcome_planned: "planned", "geplant";
    outcome_refused: "refused", "abgelehnt";
    outcome_rolled_back: "rolled back", "zurückgenommen";
    outcome_pending: "pending", "steht aus";
    outcome_tls_off: "answers without TLS", "antwortet ohne TLS";
    outcome_stuck: "stuck", "hängt fest";
    older: "Older", "Ältere";
    steps: "Steps", "Schritte";
    step: "Step", "Schritt";
    output: "Output", "Ausgabe";
    step_begun: "begun", "begonnen";
    step_done: "done", "erledigt";
    step_failed: "failed", "fehlgeschlagen";
    tls_version: "TLS version", "TLS-Version";
    chain: "Chain", "Kette";
    at: "At", "Zeit";
    roll_back_heading: "Put the certificate before back", "Das vorherige Zertifikat zurückholen";
    roll_back_button: "See what rolling back does", "Zeigen, was das Zurückholen tut";

    // A target.
    handover_under_way: "A handover of this server is under way.", "Eine Übergabe dieses Servers läuft gerade.";
    watch_it: "Watch it", "Zusehen";
    looked_at: "What was found", "Was gefunden wurde";
    product: "Product", "Produkt";
    pem_files: "a server with PEM files", "ein Server mit PEM-Dateien";
    directory: "Directory", "Verzeichnis";
    service: "Service", "Dienst";
    service_account: "Account of the service", "Konto des Dienstes";
    after_setup: "after a fresh setup", "nach einer neuen Einrichtung";
    taken_up_by: "A change is taken up by", "Änderungen übernimmt";
    key_permissions: "Who may read the key", "Wer den Schlüssel lesen darf";
    tls: "TLS", "TLS";
    tls_on: "on", "an";
    tls_off: "off", "aus";
    named_now: "Names now", "Nennt jetzt";
    references: "References", "Verweise";
    place: "Place", "Ort";
    names_certificate: "Names", "Nennt";
    web_server: "Web Server", "Web Server";
    configuration_server: "Configuration Server", "Configuration Server";
    protocol: "Protocol", "Protokoll";
    protocol_hint: "HTTP switches TLS off; the others switch it on.",
        "HTTP schaltet TLS aus; die anderen schalten es ein.";
    two_servers: "Its two servers", "Seine beiden Server";
    server: "Server", "Server";
    serves_now: "Serves now", "Liefert jetzt aus";
    shared_reference: "both have one reference", "beide haben einen Verweis";
    servers_differ: "The two servers name different certificates.",
        "Die beiden Server nennen verschiedene Zertifikate.";
    servers_differ_detail: "A renewal hands over what the Web Server names. The Configuration Server keeps its own until \
                            another one is picked for it below.",
        "Eine Erneuerung übergibt, was der Web Server nennt. Der Configuration Server behält seines, bis unten ein \
         anderes für ihn gewählt wird.";
    one_for_both: "One certificate for both servers", "Ein Zertifikat für beide Server";
    one_for_both_hint: "Otherwise each has its own, and its own handover.",
        "Sonst hat jeder sein eigenes, und seine eigene Übergabe.";
    live_endpoints: "Endpoints, asked just now", "Endpunkte, eben gefragt";
    answer: "Answer", "Antwort";
    for_names: "For", "Für";
    assumed: "assumed", "angenommen";
    no_endpoints: "It has no endpoint that could be asked.", "Es hat keinen Endpunkt, der gefragt werden könnte.";
    pick_certificate: "Pick certificate", "Zertifikat wählen";
    store_empty: "The store is empty.", "Der Speicher ist leer.";
    import_one: "Import a certificate", "Ein Zertifikat importieren";
    issued_by: "Issued by", "Ausgestellt von";
    key: "Key", "Schlüssel";
    has_key: "has key", "Schlüssel da";
    without_key: "without key", "ohne Schlüssel";
    service_may_read: "the service may use it", "der Dienst darf ihn benutzen";
    service_may_not_read: "the service may not use it", "der Dienst darf ihn nicht benutzen";
    fits: "Fits", "Passt";
    fits_not: "Does not fit", "Passt nicht";
    in_use: "in use", "in Gebrauch";
    tls_enabled: "TLS enabled", "TLS eingeschaltet";
    tls_enabled_hint: "While TLS is off the server answers plain HTTP.",
        "Ohne TLS antwortet der Server mit unverschlüsseltem HTTP.";
    save: "Save", "Speichern";
    save_hint: "Nothing is changed yet: the plan comes first.",
        "Noch wird nichts geändert: zuerst kommt der Plan.";
    managed_certificates: "Its certificates in the settings", "Seine Zertifikate in den Einstellungen";
    expired_sentence: "The certificate of this server has expired.",
        "Das Zertifikat dieses Servers ist abgelaufen.";
    expired_detail: "Clients are refused at this moment. A renewal is the way out; where none can be had, resetting \
                     TLS makes the server answer again, without TLS.",
        "Clients werden gerade abgewiesen. Eine Erneuerung ist der Ausweg; wo keine zu haben ist, antwortet der \
         Server nach dem Zurücksetzen von TLS wieder, ohne TLS.";
    recover_button: "See what resetting TLS does", "Zeigen, was das Zurücksetzen von TLS tut";
    tls_on_button: "See what switching TLS on again does", "Zeigen, was das Wiedereinschalten von TLS tut";
    recovery_sentence: "TLS was reset here, and waits to be put back.",
        "TLS wurde hier zurückgesetzt und wartet darauf, wiederhergestellt zu werden.";

    // A change.
    plan: "Plan", "Plan";
    plan_of_nothing: "There is nothing to do.", "Es gibt nichts zu tun.";
    carry_out_heading: "Do it now?", "Jetzt ausführen?";
    carry_out_hint: "References are changed, and the server is told to take them up: it may be restarted. What fails \
                     is undone, and the old certificate proven.",
        "Die Verweise werden geändert, und der Server übernimmt sie: er wird dazu vielleicht neu gestartet. Was \
         misslingt, wird rückgängig gemacht und das alte Zertifikat nachgewiesen.";
    recover_summary: "All TLS settings of this server are set aside and kept, and it is restarted. It then answers \
                      without TLS: on this machine alone, because its ports are closed to the outside. The next \
                      certificate puts every setting back, and opens them.",
        "Alle TLS-Einstellungen dieses Servers werden beiseitegelegt und aufgehoben, und er wird neu gestartet. Danach \
         antwortet er ohne TLS: nur auf diesem Rechner, denn seine Ports werden nach außen geschlossen. Das nächste \
         Zertifikat bringt jede Einstellung zurück und öffnet sie.";
    tls_off_summary: "TLS of this server is switched off, and it is restarted. It then answers without TLS: on this machine \
                      alone, because its ports are closed to the outside until TLS is on again.",
        "TLS dieses Servers wird ausgeschaltet, und er wird neu gestartet. Danach antwortet er ohne TLS: nur auf diesem \
         Rechner, denn seine Ports bleiben nach außen geschlossen, bis TLS wieder an ist.";
    tls_on_summary: "What was set aside is put back, and the server is restarted. Its ports are opened once it is proven \
                     that it serves its certificate; what fails is undone.",
        "Was beiseitegelegt wurde, kommt zurück, und der Server wird neu gestartet. Seine Ports öffnen sich, wenn \
         nachgewiesen ist, dass er sein Zertifikat ausliefert; was misslingt, wird rückgängig gemacht.";
    carry_out_button: "Carry it out, and restart the server", "Ausführen und den Server neu starten";
    refused_heading: "It would be refused: nothing was changed.", "Das würde abgelehnt: Nichts wurde geändert.";
    leave_it: "Leave everything as it is", "Alles lassen, wie es ist";
    change_swap: "Hand over to another certificate", "Übergabe an ein anderes Zertifikat";
    change_renew: "Renew now", "Jetzt erneuern";
    change_accept: "Take the answer of the CA", "Die Antwort der Zertifizierungsstelle annehmen";
    change_roll_back: "Put the certificate before back", "Das vorherige Zertifikat zurückholen";
    change_recover: "Reset TLS", "TLS zurücksetzen";
    change_tls_off: "Switch TLS off", "TLS ausschalten";
    change_tls_on: "Switch TLS on again", "TLS wieder einschalten";
    live_hint: "Leaving this page does not stop it.", "Das Verlassen dieser Seite hält es nicht an.";
    ended_heading: "It has ended.", "Es ist beendet.";
    just_begun: "It has just begun.", "Es hat eben begonnen.";
    see_handover: "See the whole handover", "Die ganze Übergabe ansehen";

    // A certificate of the settings.
    names: "Names", "Namen";
    issuer: "Issuer", "Zertifizierungsstelle";
    by_hand: "a person carries the request", "ein Mensch bringt den Antrag hin";
    targets: "Targets", "Ziele";
    in_force: "In force", "In Kraft";
    issued_pending: "Issued, not handed over", "Ausgestellt, nicht übergeben";
    last_failure: "Failed last", "Zuletzt misslungen";
    renew_now: "Renew now", "Jetzt erneuern";
    with_new_key: "With a new key", "Mit neuem Schlüssel";
    with_same_key: "With the same key", "Mit demselben Schlüssel";
    same_key_not_allowed: "The settings do not allow to keep the key.",
        "Die Einstellungen erlauben nicht, den Schlüssel zu behalten.";
    requests: "Requests", "Anträge";
    make_request: "Make a request", "Antrag erstellen";
    request_hint: "Take the file to the CA, and upload its answer below. The key stays on this machine.",
        "Bringen Sie die Datei zur Zertifizierungsstelle und laden Sie unten deren Antwort hoch. Der Schlüssel \
         bleibt auf diesem Rechner.";
    download_request: "Download the request (CSR)", "Antrag herunterladen (CSR)";
    cancel_request: "Forget it", "Verwerfen";
    made: "Made", "Erstellt";
    no_request: "No request waits for its answer.", "Kein Antrag wartet auf Antwort.";
    upload_answer: "Upload the answer", "Antwort hochladen";
    answer_file: "The file of the CA: PEM, DER or P7B. Drop it here, or choose it.",
        "Die Datei der Zertifizierungsstelle: PEM, DER oder P7B. Hier ablegen oder auswählen.";
    upload: "Upload", "Hochladen";

    // The store.
    thumbprint: "Thumbprint", "Fingerabdruck";
    fingerprint: "SHA-256", "SHA-256";
    subject: "Subject", "Inhaber";
    serial: "Serial number", "Seriennummer";
    valid_from: "Valid from", "Gültig ab";
    valid_to: "Valid to", "Gültig bis";
    where_it_is: "Where it is", "Wo es ist";
    used_nowhere: "No target names it, and no endpoint serves it.",
        "Kein Ziel nennt es, und kein Endpunkt liefert es aus.";
    import_heading: "Import a certificate with its key", "Ein Zertifikat mit seinem Schlüssel importieren";
    import_file: "A PFX, or a PEM file with certificate and key. Drop it here, or choose it.",
        "Eine PFX-Datei, oder eine PEM-Datei mit Zertifikat und Schlüssel. Hier ablegen oder auswählen.";
    password: "Password of the PFX", "Passwort der PFX-Datei";
    import_button: "Import", "Importieren";
    import_hint: "Nothing is handed over yet. The key goes into the store, and never leaves it through these pages.",
        "Noch wird nichts übergeben. Der Schlüssel kommt in den Speicher und verlässt ihn nie über diese Seiten.";
    unreadable_entries: "What cannot be read", "Was nicht gelesen werden kann";

    // The settings.
    settings: "Settings", "Einstellungen";
    settings_none: "There is no settings file", "Es gibt keine Datei mit Einstellungen";
    settings_none_hint: "The defaults hold: a certificate for this machine, and the Designer served with it.",
        "Es gilt, was vorgegeben ist: ein Zertifikat für diese Maschine, mit dem der Designer ausgeliefert wird.";
    settings_not_in_force: "Baton runs with other settings than those in the file",
        "Baton läuft mit anderen Einstellungen, als in der Datei stehen";
    settings_not_in_force_hint: "The file was changed, and what it says is not taken up; the log says why.",
        "Die Datei wurde geändert, und was darin steht, gilt noch nicht; im Protokoll steht, warum.";
    settings_certificates: "Certificates", "Zertifikate";
    settings_issuers: "Issuers", "Zertifizierungsstellen";
    settings_issuer: "Issuer", "Zertifizierungsstelle";
    settings_alerts: "Alerts", "Alarme";
    settings_alert: "Alert", "Alarm";
    settings_heartbeat: "Signs of life", "Lebenszeichen";
    settings_proof: "Proof", "Nachweis";
    settings_probe: "Looks at what is served", "Blicke auf das, was ausgeliefert wird";
    settings_retire: "The end of old certificates", "Das Ende alter Zertifikate";
    settings_others: "Everything else", "Alles andere";
    settings_not_set: "as it is by default", "wie vorgegeben";
    settings_on_the_machine: "Set on the machine alone", "Nur an der Maschine zu ändern";
    settings_machine_hint: "Commands, paths, secrets and who may come in are changed in baton.toml on the machine, and nowhere else.",
        "Befehle, Pfade, Geheimnisse und wer hereinkommt, ändert man in baton.toml an der Maschine, und nirgends sonst.";
    settings_change: "Change", "Ändern";
    settings_remove: "Remove", "Entfernen";
    settings_one_a_line: "One on each line.", "Je Zeile eins.";
    settings_preview: "Show what would be written", "Zeigen, was geschrieben würde";
    settings_preview_hint: "Nothing is written yet.", "Noch wird nichts geschrieben.";
    settings_nothing_changes: "Nothing would be changed: the file says that already.",
        "Nichts würde geändert: Die Datei sagt das schon.";
    settings_diff_heading: "What changes in the file", "Was sich in der Datei ändert";
    settings_save_hint: "Everything else in the file stays as it is, comments included. Baton takes it up at once.",
        "Alles andere in der Datei bleibt, wie es ist, auch die Kommentare. Baton richtet sich sofort danach.";
    settings_save: "Write it", "Schreiben";
    settings_not_taken_up: "It is written, and not taken up yet", "Es ist geschrieben und gilt noch nicht";
    settings_not_taken_up_hint: "Baton goes on with the settings it had, for this reason:",
        "Baton läuft mit den Einstellungen weiter, die es hatte, und zwar deshalb:";
    settings_changed: "The file was changed meanwhile", "Die Datei wurde inzwischen geändert";
    settings_changed_hint: "Nothing was written. Look at what was changed, and begin again.",
        "Nichts wurde geschrieben. Sehen Sie nach, was geändert wurde, und beginnen Sie von vorn.";
    settings_name: "Name", "Name";
    settings_successor: "Key of a successor", "Schlüssel eines Nachfolgers";
    settings_allow_same_key: "The key may be kept", "Der Schlüssel darf bleiben";
    settings_longest_key_age: "Longest age of a key", "Höchstes Alter eines Schlüssels";
    settings_kind: "Kind", "Art";
    settings_lifetime: "Lifetime", "Laufzeit";
    settings_permitted: "Permitted names", "Erlaubte Namen";
    settings_directory: "ACME directory", "ACME-Verzeichnis";
    settings_contact: "Contact", "Kontakt";
    settings_challenge: "Challenge", "Prüfung";
    settings_http_port: "Port of http-01", "Port für http-01";
    settings_tls_port: "Port of tls-alpn-01", "Port für tls-alpn-01";
    settings_challenge_addresses: "Addresses for challenges", "Adressen für Prüfungen";
    settings_profile: "Profile", "Profil";
    settings_authority: "CA", "Zertifizierungsstelle";
    settings_template: "Certificate template", "Zertifikatvorlage";
    settings_poll: "Asked again after", "Nachgefragt nach";
    settings_time_limit: "Time limit", "Zeitgrenze";
    settings_product: "Product", "Produkt";
    settings_endpoints: "Endpoints", "Endpunkte";
    settings_service: "Service", "Dienst";
    settings_attention: "Told from this urgency on", "Gemeldet ab dieser Dringlichkeit";
    settings_remind: "Told again after", "Wieder gemeldet nach";
    settings_interval: "Interval", "Abstand";
    settings_connections: "Connections in a row", "Verbindungen hintereinander";
    settings_over: "Spread over", "Verteilt über";
    settings_quiet: "Nothing else seen for", "Nichts anderes gesehen für";
    settings_deadline: "Deadline", "Frist";
    settings_grace: "Grace period", "Schonfrist";
    first_run: "What is on this machine", "Was auf dieser Maschine ist";
    first_run_button: "Look for servers on this machine", "Server auf dieser Maschine suchen";
    first_run_hint: "This is what “baton init” finds. Nothing is written yet, and no server was changed.",
        "Das findet „baton init“. Noch ist nichts geschrieben, und kein Server wurde geändert.";
    first_run_nothing: "No server was found: neither a product nor an nginx that speaks TLS.",
        "Kein Server wurde gefunden: weder ein Produkt noch ein nginx, der TLS spricht.";
    first_run_ready: "ready to use", "bereit";
    first_run_to_complete: "to be completed by hand", "von Hand zu ergänzen";
    first_run_file: "The settings that would be written:", "Die Einstellungen, die geschrieben würden:";
    first_run_write: "Write the file", "Datei schreiben";
    first_run_write_hint: "A file that is there is never written over.",
        "Eine Datei, die schon da ist, wird nie überschrieben.";

    // Problems.
    problem_unknown: "That is not there.", "Das gibt es nicht.";
    problem_refused: "That is refused: nothing was changed.", "Das wird abgelehnt: Nichts wurde geändert.";
    problem_failed: "That has failed.", "Das ist misslungen.";
    form_incomplete: "the form is not complete, or was changed on its way",
        "das Formular ist unvollständig oder wurde unterwegs verändert";
    form_hint: "Go back, and send it again.", "Gehen Sie zurück und senden Sie es noch einmal.";
    upload_missing: "no file came with the form", "mit dem Formular kam keine Datei";
    upload_too_large: "the file is far too large to be a certificate: 1 MiB is the most",
        "die Datei ist viel zu groß für ein Zertifikat: 1 MiB ist das Meiste";
    upload_hint: "Choose the file of the certificate.", "Wählen Sie die Datei des Zertifikats.";
    upload_too_slow: "the form did not come in time", "das Formular kam nicht rechtzeitig an";
}
