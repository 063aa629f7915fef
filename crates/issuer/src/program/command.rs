//! Any CA by a command: a request in, a certificate out.

use std::path::Path;
use std::time::Duration;

use baton_finding::Finding;
use baton_platform::clock;
use baton_platform::command::{self, Command, CommandError, Outcome, leftover};
use baton_platform::durable;
use baton_platform::lock::FileLock;
use baton_platform::progress::{self, Stage};
use baton_x509::Certificate;

use super::ProgramError;
use super::exchange::{Exchange, ExchangeSettings, REQUEST_DER, REQUEST_PEM};
use crate::Order;
use crate::text::ending;

/// What the command must write.
const CERTIFICATE: &str = "certificate.pem";

/// The variable that tells the command where to write. Its value is no other command's: by it those are found that a
/// command has left behind.
const CERTIFICATE_VARIABLE: &str = "BATON_CERTIFICATE";

/// How often it is seen whether the command before has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// How a CA is asked.
#[derive(Debug)]
pub struct CommandSettings {
    /// The program and its arguments. `{request}`, `{request-der}` and `{certificate}` in an argument stand for paths.
    pub command: Vec<String>,
    /// How long it may run.
    pub time_limit: Duration,
}

/// A CA that a command of the administrator asks.
#[derive(Debug)]
pub struct CommandAuthority {
    settings: CommandSettings,
    exchange: Exchange,
    /// A file: one command at a time, whoever runs it. Small CAs keep their books in files of their own.
    lock: std::path::PathBuf,
}

impl CommandAuthority {
    /// A CA. Nothing is run yet.
    pub fn new(settings: CommandSettings, exchange: ExchangeSettings) -> Self {
        let lock = exchange.directory.join(format!("{}.lock", exchange.issuer));
        Self { settings, exchange: Exchange::new(exchange), lock }
    }

    /// Obtains a certificate, with the request that is kept where there is one.
    pub(crate) async fn issue(&self, order: &Order<'_>) -> Result<Certificate, ProgramError> {
        let kept = self.exchange.request_for(order, |_| true, clock::now()).await?;
        let _lock = self.lock().await?;
        let answer = self.exchange.directory(&kept).join(CERTIFICATE);
        let program = self.settings.command.first().cloned().unwrap_or_default();
        end_leftovers(&answer);
        // Someone may have been killed between the end of the command and the look at what it left.
        let before = self.exchange.left(&kept, &[&answer], (&program, ""), clock::now());
        if let Ok(left) = before
            && left.is_verified
        {
            tracing::info!(
                certificate = order.certificate,
                "the certificate that `{program}` has left is taken"
            );
            return Ok(left.certificate);
        }
        progress::report(Stage::Finalizing, Some(order.certificate), None);
        let directory = self.exchange.prepare(&kept)?;
        let outcome = self.run(&directory, &program).await;
        end_leftovers(&answer);
        let outcome = outcome?;
        let said = ending(&outcome.output);
        let left = self.exchange.left(&kept, &[&answer], (&program, &said), clock::now());
        if outcome.exit_code == Some(0) {
            let left = left?;
            tracing::info!(certificate = order.certificate, "`{program}` gave a certificate: {said}");
            return Ok(left.certificate);
        }
        match left {
            Ok(left) if left.is_verified => {
                let how = outcome.how();
                tracing::warn!(
                    certificate = order.certificate,
                    "`{program}` gave a certificate and {how}: {said}"
                );
                Ok(left.certificate)
            }
            _ => Err(ProgramError::Failed { program, how: outcome.how(), said }),
        }
    }

    /// Whether the program is there.
    pub(crate) fn check(&self) -> Option<Finding> {
        let program = self.settings.command.first()?;
        let missing = || ProgramError::NotStarted(missing(program));
        command::find(program).is_none().then(|| Finding::from_error(&missing()))
    }

    /// Forgets the request of a certificate: what it gave is durable elsewhere.
    pub(crate) fn forget(&self, certificate: &str) -> Result<(), ProgramError> {
        self.exchange.forget(certificate)
    }

    async fn run(&self, directory: &Path, program: &str) -> Result<Outcome, ProgramError> {
        let path = |name: &str| directory.join(name).display().to_string();
        let fill = |argument: &String| {
            argument
                .replace("{request}", &path(REQUEST_PEM))
                .replace("{request-der}", &path(REQUEST_DER))
                .replace("{certificate}", &path(CERTIFICATE))
        };
        let argv = self.settings.command.iter().map(fill).collect();
        let mut command = Command::new(argv, self.settings.time_limit);
        command.directory = Some(directory.to_owned());
        command.is_tied = true;
        command.environment =
            vec![("BATON_REQUEST", path(REQUEST_PEM)), (CERTIFICATE_VARIABLE, path(CERTIFICATE))];
        command.run_to_end().await.map_err(|error| not_run(error, program))
    }

    async fn lock(&self) -> Result<FileLock, ProgramError> {
        let directory = self.lock.parent().unwrap_or(&self.lock);
        let files_error = |cause| ProgramError::Files { directory: directory.to_owned(), cause };
        durable::create_private_directory(directory).map_err(files_error)?;
        loop {
            if let Some(lock) = FileLock::try_acquire(&self.lock).map_err(files_error)? {
                return Ok(lock);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What the system would say of a program that is not there.
pub(super) fn missing(program: &str) -> CommandError {
    let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
    CommandError::NotStarted { program: program.to_owned(), cause }
}

/// Why a program did not come to its end by itself.
pub(super) fn not_run(error: CommandError, program: &str) -> ProgramError {
    match error {
        CommandError::TimedOut { limit, output, .. } => {
            ProgramError::TimedOut { program: program.to_owned(), limit, said: ending(&output) }
        }
        other => ProgramError::NotStarted(other),
    }
}

/// Ends what a command has left behind: what still writes when its certificate is read, or after a kill of ours.
fn end_leftovers(answer: &Path) {
    match leftover::end(CERTIFICATE_VARIABLE, &answer.display().to_string()) {
        Ok(false) => {}
        Ok(true) => tracing::warn!("processes that a command had left behind were ended"),
        Err(error) => tracing::warn!("what a command may have left behind is not found: {error}"),
    }
}
