//! `baton service`

use baton_platform::own_service::{self, OwnService, OwnServiceError};

use crate::cli::{Globals, Service};
use crate::failure::{Exit, Failure};
use crate::output::tell;
use crate::place::Place;
use crate::settings::{FILE, machine_file};

/// What the system starts.
#[cfg(windows)]
const COMMAND: [&str; 2] = ["service", "run"];
#[cfg(not(windows))]
const COMMAND: [&str; 1] = ["up"];

pub(crate) async fn run(globals: &Globals, command: &Service) -> Result<Exit, Failure> {
    let done = match command {
        Service::Install => install(globals).await?,
        Service::Uninstall => {
            own_service::uninstall().await.map_err(failure)?;
            "Baton is no service of this machine any more; its settings and its data directory are kept"
                .to_owned()
        }
        Service::Start => done(own_service::start().await.map_err(failure)?, "the service runs"),
        Service::Stop => done(own_service::stop().await.map_err(failure)?, "the service has stopped"),
        #[cfg(windows)]
        Service::Run => return Err(failure(OwnServiceError::NotStarted)),
    };
    tell(&done);
    Ok(Exit::Done)
}

async fn install(globals: &Globals) -> Result<String, Failure> {
    let mut place = Place::find(globals)?;
    let Some(settings) = place.loaded.path.clone() else {
        let machine = machine_file().map_or_else(|| FILE.to_owned(), |path| path.display().to_string());
        return Err(Failure::new(
            Exit::Usage,
            "settings-missing",
            "a service needs settings, and there are none",
            format!("write `{machine}`, or name another file with --settings"),
        ));
    };
    if let (None, None, Some(data)) =
        (&globals.data, &place.loaded.settings.data, own_service::default_data())
    {
        place.data = data;
    }
    place.check()?;
    let own = OwnService { command: place.own_command(&COMMAND)?, data: place.data.clone() };
    for warning in own_service::install(&own).await.map_err(failure)? {
        tell(&format!("warning: {warning}"));
    }
    let settings = std::path::absolute(&settings).unwrap_or(settings);
    Ok(format!(
        "Baton is a service of this machine, and starts with it\n  settings:       {}\n  data directory: {}\n  start it now:   \
         baton service start",
        settings.display(),
        place.data.display()
    ))
}

fn done(said: String, otherwise: &str) -> String {
    if said.is_empty() { otherwise.to_owned() } else { said }
}

fn failure(error: OwnServiceError) -> Failure {
    let exit = if error.is_refused() { Exit::Refused } else { Exit::Failed };
    Failure::with(exit, &error)
}

/// Is the service, from its start until the service control manager wants it to stop.
#[cfg(windows)]
pub(crate) fn run_as_service(cli: crate::cli::Cli) -> std::process::ExitCode {
    use crate::cli::{Cli, Command, Up};
    use crate::output::Output;
    let output = Output { json: false };
    let up = Command::Up(Up { listen: None, lifetime: None });
    let cli = Cli { globals: cli.globals, command: up };
    let main = move || {
        let result = Place::find(&cli.globals).and_then(|place| {
            crate::service_log::set_up(&place.data)?;
            crate::runtime(&cli.command)?.block_on(crate::run(&cli, output))
        });
        match result {
            Ok(exit) => exit as u8,
            Err(failure) => {
                crate::service_log::report(&failure);
                failure.exit as u8
            }
        }
    };
    match own_service::dispatch(main) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            let failure = failure(error);
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
