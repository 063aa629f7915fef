//! Active Directory Certificate Services, by Microsoft's `certreq`.
//!
//! A request is handed in once. The CA's number for it is durable before anything else is done with the answer; from
//! then on it is asked for by that number, until there is a certificate or the CA denies it.

mod certreq;
mod response;

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_finding::Finding;
use baton_platform::clock;
use baton_platform::command::{self, Command};
use baton_platform::progress::{self, Stage};
use baton_x509::Certificate;
use jiff::SignedDuration;

use super::command::{missing, not_run};
use super::exchange::{Exchange, ExchangeSettings, REQUEST_DER};
use super::{AwaitingApproval, ProgramError};
use crate::text::ending;
use crate::{KeptRequest, Order, Template};
use certreq::{Reading, RequestNumber, Verdict};

/// How long `certreq` may run: it ends by itself when the CA cannot be reached.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How it is called in messages.
const CERTREQ: &str = "certreq";

const CERTIFICATE: &str = "certificate.cer";
const CHAIN: &str = "chain.p7b";
const RESPONSE: &str = "response.rsp";

/// How a CA of Active Directory Certificate Services is asked.
#[derive(Debug)]
pub struct AdcsSettings {
    /// `certreq`, or where it is.
    pub program: PathBuf,
    /// `HOST\CA name`.
    pub authority: String,
    /// How long to wait before a request that waits for its approval is asked for again.
    pub poll: SignedDuration,
}

/// A CA of Active Directory Certificate Services.
#[derive(Debug)]
pub struct Adcs {
    settings: AdcsSettings,
    template: Option<Template>,
    exchange: Exchange,
}

impl Adcs {
    /// A CA. Nothing is run yet.
    pub fn new(settings: AdcsSettings, exchange: ExchangeSettings) -> Self {
        Self { settings, template: exchange.template.clone(), exchange: Exchange::new(exchange) }
    }

    /// Obtains a certificate: by the request that was handed in where there is one, else by a new one.
    pub(crate) async fn issue(&self, order: &Order<'_>) -> Result<Certificate, ProgramError> {
        // One that was handed in at another CA is of no use here.
        let is_ours = |kept: &KeptRequest| kept.ca_id.is_none() || self.number(kept).is_some();
        let mut kept = self.exchange.request_for(order, is_ours, clock::now()).await?;
        let number = self.number(&kept);
        let directory = self.exchange.directory(&kept);
        let files = [directory.join(CERTIFICATE), directory.join(CHAIN)];
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        // Someone may have been killed between the end of `certreq` and the look at what it left.
        if let Some(certificate) = self.exchange.left_before(&kept, &files, clock::now()) {
            return Ok(certificate);
        }
        let stage = if number.is_some() { Stage::Downloading } else { Stage::Finalizing };
        progress::report(stage, Some(order.certificate), None);
        self.exchange.prepare(&kept)?;
        let mut command = Command::new(self.argv(number, &directory), TIME_LIMIT);
        command.directory = Some(directory.clone());
        command.is_tied = true;
        let outcome = command.run_to_end().await.map_err(|error| match not_run(error, CERTREQ) {
            ProgramError::NotStarted(cause) => ProgramError::NoCertreq(cause),
            other => other,
        })?;
        let said = ending(&outcome.output);
        let reading = certreq::read(&outcome, response::status(&directory.join(RESPONSE)), number.is_some());
        if let (None, Some(number)) = (number, reading.number) {
            kept.ca_id = Some(self.ca_id(number));
            self.exchange.keep(&kept)?;
        }
        match self.exchange.left(&kept, &files, (CERTREQ, &said), clock::now()) {
            Ok(left) => {
                tracing::info!(certificate = order.certificate, "certreq gave a certificate: {said}");
                Ok(left.certificate)
            }
            Err(error) => Err(self.without_certificate(kept, reading, error, said)?),
        }
    }

    /// Whether `certreq` is there.
    pub(crate) fn check(&self) -> Option<Finding> {
        let program = self.settings.program.to_string_lossy();
        let missing = || ProgramError::NoCertreq(missing(&program));
        command::find(&program).is_none().then(|| Finding::from_error(&missing()))
    }

    /// Forgets the request of a certificate: what it gave is durable elsewhere.
    pub(crate) fn forget(&self, certificate: &str) -> Result<(), ProgramError> {
        self.exchange.forget(certificate)
    }

    /// What it means that there is no certificate, and what becomes of the request.
    fn without_certificate(
        &self,
        mut kept: KeptRequest,
        reading: Reading,
        why: ProgramError,
        said: String,
    ) -> Result<ProgramError, ProgramError> {
        let request = kept.ca_id.clone().unwrap_or_else(|| kept.id.clone());
        if matches!(why, ProgramError::Wrong(_)) {
            // The CA has issued, and what it has issued does not change: the request is handed in anew.
            kept.ca_id = None;
            self.exchange.keep(&kept)?;
            return Ok(why);
        }
        Ok(match reading.verdict {
            Verdict::Pending => ProgramError::Awaiting(AwaitingApproval {
                request,
                since: kept.made_at,
                until: clock::now().checked_add(self.settings.poll).unwrap_or(jiff::Timestamp::MAX),
            }),
            Verdict::Denied => {
                self.exchange.give_up(&kept)?;
                ProgramError::Denied { request, said }
            }
            Verdict::Unknown => {
                kept.ca_id = None;
                self.exchange.keep(&kept)?;
                ProgramError::Unknown { request, said }
            }
            Verdict::Failed(code) => {
                let (program, how) = (CERTREQ.to_owned(), format!("0x{code:08X}"));
                ProgramError::Failed { program, how, said }
            }
            Verdict::Issued => why,
            Verdict::NotUnderstood if matches!(why, ProgramError::NoCertificate { .. }) => {
                ProgramError::NotUnderstood { program: CERTREQ.to_owned(), said }
            }
            Verdict::NotUnderstood => why,
        })
    }

    fn argv(&self, number: Option<RequestNumber>, directory: &Path) -> Vec<String> {
        let path = |name: &str| directory.join(name).display().to_string();
        let answers = [path(CERTIFICATE), path(CHAIN), path(RESPONSE)];
        let mut argv = vec![self.settings.program.display().to_string()];
        argv.extend(match number {
            Some(number) => certreq::retrieve(&self.settings.authority, number),
            None => certreq::submit(&self.settings.authority, self.template.as_ref(), path(REQUEST_DER)),
        });
        argv.extend(answers);
        argv
    }

    /// What people are told of a request that was handed in, and what is kept of it.
    fn ca_id(&self, number: RequestNumber) -> String {
        format!("{} at {}", number.0, self.settings.authority)
    }

    /// The number of a request that was handed in at this CA.
    fn number(&self, kept: &KeptRequest) -> Option<RequestNumber> {
        let (number, authority) = kept.ca_id.as_deref()?.split_once(" at ")?;
        (authority == self.settings.authority).then(|| number.parse().ok().map(RequestNumber)).flatten()
    }
}
