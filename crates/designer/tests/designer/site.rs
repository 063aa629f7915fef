//! A Designer that runs in this process, with its certificate in a temporary directory.

use std::net::SocketAddr;
use std::sync::Arc;

use baton_designer::{
    self as designer, Access, Actions, CertificateFiles, HotCertificate, Listener, SettingsDesk,
};
use baton_state::State;
use baton_testkit::IssuedCertificate;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Client};
use crate::fixed::Fixed;
use crate::settings::FixedSettings;
use crate::{issue, sample};

/// A running Designer.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) files: CertificateFiles,
    pub(crate) hot: Arc<HotCertificate>,
    pub(crate) state: State,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _directory: TempDir,
}

impl Site {
    /// With something to show, and a new certificate.
    pub(crate) async fn start() -> Self {
        let status = Ok(sample::status(vec![sample::row("sap")]));
        Self::start_showing(Fixed { status, handovers: Ok(vec![sample::report()]), ..Fixed::default() }).await
    }

    pub(crate) async fn start_showing(overview: impl Actions + 'static) -> Self {
        Self::start_with(&issue(), overview, "127.0.0.1:0").await
    }

    /// With settings.
    pub(crate) async fn start_with_settings(settings: FixedSettings) -> Self {
        let (directory, files) = empty_directory();
        issue().write_files(&files.certificate, &files.key);
        let hot = HotCertificate::load(files.clone()).unwrap();
        let shown = Shown { actions: Arc::new(Fixed::default()), settings: Arc::new(settings) };
        Self::serve(directory, files, hot, shown, "127.0.0.1:0", Access::Anonymous).await
    }

    pub(crate) async fn start_with(
        certificate: &IssuedCertificate,
        overview: impl Actions + 'static,
        address: &str,
    ) -> Self {
        let (directory, files) = empty_directory();
        certificate.write_files(&files.certificate, &files.key);
        let hot = HotCertificate::load(files.clone()).unwrap();
        Self::serve(directory, files, hot, Shown::of(overview), address, Access::Anonymous).await
    }

    /// To which people sign in.
    pub(crate) async fn start_authenticated() -> Self {
        let (directory, files) = empty_directory();
        issue().write_files(&files.certificate, &files.key);
        let hot = HotCertificate::load(files.clone()).unwrap();
        let status = Ok(sample::status(vec![sample::row("sap")]));
        let shown = Fixed { status, handovers: Ok(vec![sample::report()]), ..Fixed::default() };
        Self::serve(directory, files, hot, Shown::of(shown), "127.0.0.1:0", Access::Authenticated).await
    }

    /// Without a certificate yet.
    pub(crate) async fn start_waiting() -> Self {
        let (directory, files) = empty_directory();
        let hot = HotCertificate::waiting(files.clone());
        let overview = Fixed::default();
        Self::serve(directory, files, hot, Shown::of(overview), "127.0.0.1:0", Access::Anonymous).await
    }

    async fn serve(
        directory: TempDir,
        files: CertificateFiles,
        hot: Arc<HotCertificate>,
        shown: Shown,
        address: &str,
        access: Access,
    ) -> Self {
        let listener = Listener::bind(address.parse().unwrap(), access).await.unwrap();
        let address = listener.local_address();
        let (shutdown, ended) = oneshot::channel();
        let hosts = vec!["gateway.example.com".to_owned(), "fd00::7".to_owned()];
        let state = State::open(&directory.path().join("state.db")).await.unwrap();
        let site = designer::Site {
            actions: shown.actions,
            settings: shown.settings,
            state: state.clone(),
            access,
            hosts,
        };
        let served = tokio::spawn(listener.serve(Arc::clone(&hot), None, site, async {
            let _ = ended.await;
        }));
        Self { address, files, hot, state, shutdown, served, _directory: directory }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await.unwrap()
    }

    /// The answer on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client().await.get(path).await
    }

    /// Begins the shutdown; what comes back ends with the listener.
    pub(crate) fn shut_down(self) -> JoinHandle<()> {
        self.shutdown.send(()).unwrap();
        self.served
    }
}

/// What there is to see.
struct Shown {
    actions: Arc<dyn Actions>,
    settings: Arc<dyn SettingsDesk>,
}

impl Shown {
    fn of(actions: impl Actions + 'static) -> Self {
        Self { actions: Arc::new(actions), settings: Arc::new(FixedSettings::default()) }
    }
}

fn empty_directory() -> (TempDir, CertificateFiles) {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| directory.path().join(name));
    (directory, CertificateFiles { certificate, key })
}
