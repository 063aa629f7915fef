//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use baton_state::{AccessLevel, PrincipalName};
use baton_target::{ProductKind, ProductServer, Protocol};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::settings::{Address, FILE, Span, machine_file};

/// Keeps the TLS certificate of a server fresh: gets the successor, hands every reference over to it,
/// restarts or reloads the server, proves with real handshakes that the new certificate is served, and only
/// then retires the old one. If anything fails, everything is put back.
#[derive(Debug, Parser)]
#[command(name = "baton", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done and proven, or nothing to do
  1  unexpected failure
  2  usage or settings wrong
  3  refused by the checks: nothing was changed
  4  failed and rolled back: the old certificate is proven to be served
  5  failed and not restored: a person must look
  6  issued, not handed over: kept, will be tried again without a new order
 10  `status` and `prove` only: something needs attention soon
 11  `status` and `prove` only: something needs attention now";

fn settings_help() -> String {
    let machine = machine_file().map(|path| format!(", then {}", path.display())).unwrap_or_default();
    format!("Settings file [default: ./{FILE}{machine}]")
}

/// Flags that every command knows.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    #[arg(help = settings_help(), long, global = true, value_name = "FILE", env = "BATON_SETTINGS")]
    pub(crate) settings: Option<PathBuf>,
    /// Data directory [default: from the settings, else ./baton-data beside them]
    #[arg(long, global = true, value_name = "DIR", env = "BATON_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Tell more on standard error
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Tell errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

// The arguments of a command are made when it is the one that is called: to make all of them takes a millisecond.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Keep everything renewed and serve the Designer
    ///
    /// Without settings: makes ./baton-data with an internal CA, issues a certificate for localhost and this
    /// host, and serves the Designer with it at https://localhost:8177. It renews by itself when due. Stop it
    /// with Ctrl-C.
    Up(Up),
    /// Find the servers of this machine, and write settings for them
    ///
    /// Looks where products are installed, at what nginx says of itself, and at the renewals of certbot, lego, win-acme
    /// and simple-acme. Writes baton.toml with what it has found, and says why; what it cannot know stands there as a
    /// comment. Settings that exist are never overwritten: what would be added is shown.
    Init(Init),
    /// Issue and hand over what is due
    ///
    /// Without NAME: every certificate of the settings. Each handover ends with a proof, or with everything as
    /// it was before.
    Renew(Renew),
    /// Ask for a certificate by hand: write the request that you carry to the CA
    ///
    /// The key is made and kept before the request is shown. Asked for twice, it is the same request; `baton accept`
    /// takes what the CA answers.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Request(RequestOf),
    /// Take what a CA has answered to a request, and hand it over
    ///
    /// Finds the request by its key, completes the chain, keeps the certificate, and hands it over to all its targets.
    /// What is not the answer to a request is refused, and the request stays.
    Accept(Accept),
    /// Hand a server over to a certificate that you have
    ///
    /// For certificates from elsewhere, and as the installation script of an ACME client. Does not return
    /// before the new certificate is proven to be served, or everything is as before.
    Swap(Swap),
    /// Hand over to what an ACME client has just issued: its deploy hook
    ///
    /// Reads what the client passes, puts the certificate with its chain and key into the store, and hands over as
    /// `swap` does: it does not return before the new certificate is proven to be served, or everything is as
    /// before. A certificate that no target uses is left alone, with exit code 0: clients call a hook for each of
    /// theirs.
    #[command(subcommand)]
    Hook(Hook),
    /// Show how everything stands: what is served, days left, what is wrong
    ///
    /// One row for each certificate and endpoint, from the last look at each endpoint; `baton prove` looks now.
    Status,
    /// Show past handovers, or one of them with its steps and proofs
    History(History),
    /// Ask endpoints now which certificate they serve
    Prove(Prove),
    /// Finish or undo what was interrupted, by a crash or a power cut
    ///
    /// `baton up` does so at its start, and every handover for its own target. A second run changes nothing.
    Resume(Resume),
    /// Bring a server back whose certificate has expired: reset its TLS settings, as its maker documents
    ///
    /// It then answers plain HTTP, so its ports are closed to the outside first. What was reset is kept, and the next
    /// handover puts all of it back, with the new certificate.
    Recover(Recover),
    /// Switch TLS of a product off or on, with everything else as it is
    #[command(subcommand)]
    Tls(TlsCommand),
    /// Beside a closed door: brings the target back when whoever closed it is gone
    #[command(hide = true)]
    Watchdog {
        /// Name of the target in the settings
        target: String,
    },
    /// Put the certificate before back, after the new one was proven
    ///
    /// A handover like any other, in the other direction: checked, journaled and proven. Never to a certificate
    /// that has expired.
    Rollback(Rollback),
    /// Find everywhere that a certificate is in use or kept
    Find {
        /// The certificate, as people paste it
        thumbprint: String,
    },
    /// Remove certificates and keys that were replaced and that nobody names any more
    ///
    /// Only after their grace period, and only when no target names them and no endpoint serves them: into the
    /// store's trash, and after a second grace period for good. `baton up` does so by itself.
    Retire(Retire),
    /// Revoke a certificate at the CA that issued it
    ///
    /// For a key that leaked, or a certificate that is no longer wanted. One that a target still names or serves is
    /// refused: renew it first.
    Revoke(Revoke),
    /// The accounts at ACME servers
    #[command(subcommand)]
    Account(Account),
    /// Look after the certificate store
    Store(StoreArguments),
    /// Look at the servers of the settings
    #[command(subcommand)]
    Target(Target),
    /// The internal CA
    #[command(subcommand)]
    Ca(Ca),
    /// The people who may use the Designer
    ///
    /// They sign in where the settings say access = "authenticated" in `[designer]`.
    #[command(subcommand)]
    User(UserCommand),
    /// The tokens of programs that use the Designer's interface for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the renewal article of a target: by hand, behind closed ports, by itself, and when it has expired
    ///
    /// With the target's own directory, service, ports, thumbprints and dates, from its files and the settings. Asks
    /// nothing and changes nothing. Markdown, unless standard output is a terminal.
    Guide(Guide),
    /// Keep everything renewed as a service of this machine: a Windows service, or a unit of systemd
    #[command(subcommand)]
    Service(Service),
    /// Prove what this machine can do, and print a report for a bug report
    ///
    /// Files, locks, stores, keys, TLS, services, the firewall: each is tried with things of its own, and looked at
    /// afterwards. No target and no certificate of yours is touched, and nothing is left behind. What cannot be shown
    /// here is told as ignored, with the reason.
    #[command(disable_help_subcommand = true)]
    Selftest(Selftest),
    /// Check the settings, every target, and permissions
    Check(Check),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where the Designer listens: a port of the loopback interface, or ADDRESS:PORT [default: 8177]
    #[arg(long, value_name = "ADDRESS", env = "BATON_LISTEN")]
    pub(crate) listen: Option<Address>,
    /// How long certificates of the internal CA live, for example 90s or 47d
    #[arg(long, value_name = "TIME")]
    pub(crate) lifetime: Option<Span>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Further directories to look through: with products, an nginx.conf, renewals of ACME clients
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directories: Vec<PathBuf>,
    /// The settings file to write [default: that of --settings, else ./baton.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "take_over")]
    pub(crate) write: Option<PathBuf>,
    /// Let a renewal of win-acme or simple-acme call Baton: its file, or what the client calls it
    ///
    /// Its script becomes `baton swap`, and the client keeps the certificate before. The change is shown; the file as it
    /// was is kept beside it.
    #[arg(long, value_name = "RENEWAL")]
    pub(crate) take_over: Option<String>,
    /// The target of the settings that the renewal is for [default: the only product]
    #[arg(long, value_name = "NAME", requires = "take_over")]
    pub(crate) target: Option<String>,
    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// Names of certificates in the settings [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Renew even if it is not due, or its issuer is to be left alone
    #[arg(long)]
    pub(crate) force: bool,
    /// Keep the key of the certificate before
    #[arg(long, conflicts_with = "new_key")]
    pub(crate) same_key: bool,
    /// Make a new key
    #[arg(long)]
    pub(crate) new_key: bool,
    /// Close the ports of the targets to the outside meanwhile; open on this machine
    #[arg(long)]
    pub(crate) guarded: bool,
    /// Check everything and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RequestOf {
    #[command(subcommand)]
    pub(crate) command: Option<RequestCommand>,
    #[command(flatten)]
    pub(crate) new: NewRequest,
}

#[derive(Debug, Args)]
pub(crate) struct NewRequest {
    /// Name of the certificate in the settings
    #[arg(value_name = "NAME", required = true)]
    pub(crate) name: Option<String>,
    /// Keep the key of the certificate before
    #[arg(long, conflicts_with = "new_key")]
    pub(crate) same_key: bool,
    /// Make a new key
    #[arg(long)]
    pub(crate) new_key: bool,
    /// Write DER instead of PEM
    #[arg(long)]
    pub(crate) der: bool,
    /// Template of Active Directory Certificate Services to name: WebServer, or its object identifier
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) template: Option<String>,
    /// Write the request into this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum RequestCommand {
    /// List the requests that wait for their answer
    List,
    /// Forget a request, with its key
    Cancel {
        /// Its ID, or the name of a certificate that has one request
        #[arg(value_name = "NAME|ID")]
        which: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// What the CA has answered with: PEM, DER, P7B or PFX; files of its chain too
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// File whose first line is the password of the PFX
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Fetch what is missing of the chain from where the certificates say it is, over plain HTTP
    #[arg(long)]
    pub(crate) fetch_chain: bool,
    /// Close the ports of the targets to the outside meanwhile; open on this machine
    #[arg(long)]
    pub(crate) guarded: bool,
    /// Check everything and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Swap {
    /// Thumbprint of the certificate that is replaced, as far as you know; may be empty (""): the truth is read
    /// from the server's own files
    #[arg(value_name = "OLD")]
    pub(crate) old: String,
    /// The new certificate: its thumbprint in the store, or a PFX, PEM, DER or P7B file
    #[arg(value_name = "NEW")]
    pub(crate) new: String,
    /// Name of the target in the settings [default: the one that uses OLD, or the only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) file: KeyFile,
    /// Switch TLS on as well, where it is off in the server's settings
    #[arg(long)]
    pub(crate) enable_tls: bool,
    /// What the Web Server of Xtract Universal or Board Connector is to speak; with TLS switched on where it is off
    #[arg(long, value_name = "PROTOCOL", value_parser = protocols())]
    pub(crate) protocol: Option<Protocol>,
    /// Hand over one of the two servers of Xtract Universal or Board Connector; the other one stays as it is
    #[arg(long, value_name = "SERVER", value_parser = servers())]
    pub(crate) server: Option<ProductServer>,
    /// Close the ports of the target to the outside meanwhile; open on this machine
    #[arg(long)]
    pub(crate) guarded: bool,
    /// Check everything and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Hook {
    /// For certbot: certbot … --deploy-hook "baton hook certbot"
    ///
    /// Reads fullchain.pem and privkey.pem of the directory in RENEWED_LINEAGE.
    Certbot(HookTargets),
    /// For lego: lego … run --run-hook "baton hook lego", lego … renew --renew-hook "baton hook lego"
    ///
    /// Reads the files in LEGO_CERT_PATH and LEGO_CERT_KEY_PATH; of lego 5 those in LEGO_HOOK_CERT_PATH and
    /// LEGO_HOOK_CERT_KEY_PATH.
    Lego(HookTargets),
    /// For dehydrated: a script of two lines in HOOK, `#!/bin/sh` and `exec baton hook dehydrated -- "$@"`
    ///
    /// Acts on `deploy_cert`; every other operation ends with 0 and does nothing.
    Dehydrated {
        #[command(flatten)]
        targets: HookTargets,
        /// What dehydrated passes: the operation, then its arguments
        #[arg(last = true, required = true, value_name = "ARGS")]
        arguments: Vec<OsString>,
    },
    /// For acme.sh: acme.sh --install-cert -d NAME --reloadcmd "baton hook acme-sh"
    ///
    /// Reads the files in CERT_FULLCHAIN_PATH and CERT_KEY_PATH.
    AcmeSh(HookTargets),
    /// For Active Directory Certificate Services: the script of a certificate lifecycle notification
    ///
    /// Windows renews certificates by autoenrollment, and then runs what is registered for it. Register the script
    /// that comes with Baton once, in PowerShell as an administrator:
    ///
    /// New-CertificateNotificationTask -Type Replace -Channel System -Name Baton
    /// -PSScript 'C:\Program Files\Baton\adcs-replace.ps1' -RunTaskForExistingCertificates
    Adcs(AdcsHook),
}

/// What a notification of the type `Replace` passes.
#[derive(Debug, Args)]
pub(crate) struct AdcsHook {
    /// Thumbprint of the certificate before (OldCertHash)
    #[arg(value_name = "OLD")]
    pub(crate) old: String,
    /// Thumbprint of the new one, which is in the store already (NewCertHash)
    #[arg(value_name = "NEW")]
    pub(crate) new: String,
    #[command(flatten)]
    pub(crate) targets: HookTargets,
}

/// What a hook hands over.
#[derive(Debug, Args)]
pub(crate) struct HookTargets {
    /// Name of a target in the settings; may be given several times [default: those that use one of the names of
    /// the certificate]
    #[arg(long = "target", value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

// Where the key of a certificate file is, and what opens it. (A comment of documentation would become that of the
// command it is a part of.)
#[derive(Debug, Args)]
pub(crate) struct KeyFile {
    /// File with the private key in PEM [default: in the file itself, or beside it]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// File whose first line is the password of the PFX
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Number of a handover: shows its steps and proofs
    #[arg(value_name = "ID")]
    pub(crate) id: Option<i64>,
    /// How many to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Name of a target, or any HOST:PORT [default: all targets]
    #[arg(value_name = "TARGET|HOST:PORT")]
    pub(crate) what: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Name of a target [default: all]
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Name of the target in the settings
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// Leave its ports open to the outside, although they answer plain HTTP
    #[arg(long)]
    pub(crate) open: bool,
    /// Although its certificate has not expired
    #[arg(long)]
    pub(crate) even_though_valid: bool,
    /// Check everything and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum TlsCommand {
    /// Switch TLS off, restart, and prove that it answers plain HTTP
    ///
    /// Its ports are closed to the outside meanwhile. What was changed is kept; `tls on` and every handover put it back.
    Off(TlsOff),
    /// Put back what was set aside, switch TLS on, restart, and prove the certificate that is named
    On {
        /// Name of the target in the settings
        #[arg(value_name = "TARGET")]
        target: String,
        /// Check everything and say what would be done; change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TlsOff {
    /// Name of the target in the settings
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// Leave its ports open to the outside, although they answer plain HTTP
    #[arg(long)]
    pub(crate) open: bool,
    /// Check everything and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Number of the handover that is to be taken back [default: the last one that was served]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<i64>,
    /// Check everything and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// Also those that Baton did not bring itself
    #[arg(long)]
    pub(crate) foreign: bool,
    /// Say what would be removed; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The certificate's thumbprint
    pub(crate) thumbprint: String,
    /// Why
    #[arg(long, value_enum, default_value = "unspecified")]
    pub(crate) reason: Reason,
    /// The issuer; not needed where the settings have one ACME issuer, or the certificate is one of the settings'
    #[arg(long)]
    pub(crate) issuer: Option<String>,
    /// Even though a target still names or serves it
    #[arg(long)]
    pub(crate) in_use: bool,
}

/// Why a certificate is revoked (RFC 5280, 5.3.1): the reasons that a subscriber may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// None of the others
    Unspecified,
    /// Someone else may have the private key
    KeyCompromise,
    /// The organization in it has changed
    AffiliationChanged,
    /// Another certificate has taken its place
    Superseded,
    /// The names are no longer ours, or no longer used
    CessationOfOperation,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Account {
    /// Print the account's URL; registers it where there is none yet
    Show(AccountOf),
    /// Give the account a new key (RFC 8555, 7.3.5)
    RollOver(AccountOf),
    /// Close the account for good; the next order opens a new one
    Deactivate(AccountOf),
}

#[derive(Debug, Args)]
pub(crate) struct AccountOf {
    /// The issuer; not needed where the settings have one of the kind acme
    pub(crate) issuer: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// The store of this target instead of `[store]`: products on Windows have one of their own
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) target: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Store,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Store {
    /// List the certificates of the store
    List,
    /// Show one certificate
    Show { thumbprint: String },
    /// Put a certificate with its key into the store
    Import {
        /// A PFX, PEM, DER or P7B file
        file: PathBuf,
        #[command(flatten)]
        key: KeyFile,
    },
    /// Write a certificate and its chain to standard output, in PEM
    Export {
        thumbprint: String,
        /// Write certificate, chain and private key into this new PFX file, readable by you alone
        #[arg(long, value_name = "FILE", requires = "password_file")]
        pfx: Option<PathBuf>,
        /// File whose first line is the password for the PFX
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Put a certificate and its key into the store's trash, unless a target uses it
    Remove { thumbprint: String },
    /// Take a certificate and its key back out of the trash
    Restore { thumbprint: String },
    /// Show who may use the private key of a certificate, and give the right to (Windows)
    ///
    /// Looks for the certificate in `[store]` and in the stores of the targets.
    Permissions {
        thumbprint: String,
        /// Let the services of the targets that take their certificates from that store use the key
        #[arg(long)]
        repair: bool,
        /// Let this account use the key, for example 'NT SERVICE\yunIO Service' or DOMAIN\NAME
        #[arg(long, value_name = "ACCOUNT")]
        read: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Target {
    /// List the targets and the certificates that they name
    List,
    /// Check targets: references, permissions, endpoints
    Check {
        /// Name of a target [default: all]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Ca {
    /// Print the root certificate of the internal CA, in PEM
    Root {
        /// Name of the issuer in the settings, where there are several
        #[arg(long, value_name = "NAME")]
        issuer: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum UserCommand {
    /// Add a user; the password is asked for
    Add {
        /// Letters, digits and . _ - @
        name: PrincipalName,
        #[command(flatten)]
        level: LevelFlag,
        #[command(flatten)]
        password: NewPassword,
    },
    /// List the users
    List,
    /// Remove a user, and end their sessions
    Remove { name: PrincipalName },
    /// Give a user another level, from their next request on
    SetLevel {
        name: PrincipalName,
        #[command(flatten)]
        level: LevelFlag,
    },
    /// Give a user another password, and end their sessions
    ResetPassword {
        name: PrincipalName,
        #[command(flatten)]
        password: NewPassword,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum TokenCommand {
    /// Make a token and print it: it is shown this once
    Add {
        /// Letters, digits and . _ - @
        name: PrincipalName,
        #[command(flatten)]
        level: LevelFlag,
        /// How long it is good
        #[arg(long, value_name = "TIME", default_value = "90d")]
        lifetime: Span,
    },
    /// List the tokens
    List,
    /// Take a token away
    Revoke { name: PrincipalName },
}

/// What someone may do.
#[derive(Debug, Args)]
pub(crate) struct LevelFlag {
    /// What they may do: nothing; look; renew, hand over and roll back too; everything
    #[arg(long = "level", value_parser = levels())]
    pub(crate) level: AccessLevel,
}

/// Where a new password comes from.
#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    /// File whose first line is the password [default: asked for on the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

fn levels() -> impl TypedValueParser<Value = AccessLevel> {
    let unknown = |()| "there is no such level";
    PossibleValuesParser::new(AccessLevel::ALL.map(AccessLevel::name))
        .try_map(move |name| name.parse::<AccessLevel>().map_err(unknown))
}

#[derive(Debug, Args)]
pub(crate) struct Guide {
    /// Name of the target in the settings
    #[arg(value_name = "TARGET", required_unless_present = "product", conflicts_with = "product")]
    pub(crate) target: Option<String>,
    /// The article about a product as its setup leaves it, without settings
    #[arg(long, value_name = "PRODUCT", value_parser = products())]
    pub(crate) product: Option<ProductKind>,
    /// Markdown, on a terminal too
    #[arg(long)]
    pub(crate) markdown: bool,
}

fn products() -> impl TypedValueParser<Value = ProductKind> {
    PossibleValuesParser::new(ProductKind::ALL.map(ProductKind::key))
        .try_map(|key| key.parse::<ProductKind>())
}

/// Those that go with TLS; without it is `baton tls off`.
fn protocols() -> impl TypedValueParser<Value = Protocol> {
    PossibleValuesParser::new(Protocol::WITH_TLS.map(Protocol::key)).try_map(|key| key.parse::<Protocol>())
}

fn servers() -> impl TypedValueParser<Value = ProductServer> {
    PossibleValuesParser::new(ProductServer::ALL.map(ProductServer::key))
        .try_map(|key| key.parse::<ProductServer>())
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Service {
    /// Make the service, with the settings and the data directory of this command; it starts with the machine
    Install,
    /// Stop the service and remove it; settings and data stay
    Uninstall,
    /// Start the service, and wait until it runs
    Start,
    /// Stop the service, and wait until it has stopped
    Stop,
    /// What the service control manager starts
    #[cfg(windows)]
    #[command(hide = true)]
    Run,
}

#[derive(Debug, Args)]
pub(crate) struct Selftest {
    #[command(subcommand)]
    pub(crate) task: Option<SelftestTask>,
}

// What a self-test has another process do.
#[derive(Debug, Subcommand)]
pub(crate) enum SelftestTask {
    /// Whether a lock is free
    #[command(hide = true)]
    Lock { path: PathBuf },
    /// What is heard at a local socket
    #[command(hide = true)]
    Socket { path: PathBuf },
    /// The digest of a sealed secret
    #[command(hide = true)]
    Sealed { path: PathBuf },
    /// What the service control manager starts
    #[cfg(windows)]
    #[command(hide = true)]
    Serve { directory: PathBuf },
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Print the JSON schema of baton.toml instead
    #[arg(long)]
    pub(crate) schema: bool,
}
