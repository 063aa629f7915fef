//! A real browser, headless: it opens pages as people see them, and clicks.
//!
//! It is driven by the DevTools protocol over two pipes (`--remote-debugging-pipe`): messages in JSON, each ended by a
//! NUL. Pipes need no port and no web socket, and end with the browser. Its profile is a temporary directory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use fs_err::File;
use nix::sys::stat::Mode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::condition::wait_for;

/// How long the browser may take to answer, and a page to become what is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// A browser with one page; ended by its process id when dropped.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    input: File,
    answers: Receiver<Value>,
    session: Option<String>,
    last: u64,
    _profile: TempDir,
}

impl Chromium {
    /// Starts Debian's `chromium`. Any certificate will do for it: what servers show is the matter of other witnesses.
    ///
    /// Panics when it does not start.
    #[track_caller]
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temporary directory");
        let [input, output] = ["input", "output"].map(|name| profile.path().join(name));
        for pipe in [&input, &output] {
            nix::unistd::mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
        }
        // It reads from descriptor 3 and writes to 4. As root it has no sandbox.
        let child = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<\"$INPUT\" 4>\"$OUTPUT\"", "sh"])
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-extensions", "--disable-dev-shm-usage"])
            .args(["--ignore-certificate-errors", "--hide-scrollbars", "--force-device-scale-factor=1"])
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .arg("about:blank")
            .env("INPUT", &input)
            .env("OUTPUT", &output)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        let input = fs_err::OpenOptions::new().write(true).open(input).expect("the pipe to chromium");
        let output = File::open(output).expect("the pipe from chromium");
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(message) = message else { return };
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, input, answers, session: None, last: 0, _profile: profile };
        let target = browser.send("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.send("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        browser.send("Page.enable", json!({}));
        browser
    }

    /// Opens an address, and waits until the page is there.
    #[track_caller]
    pub fn open(&mut self, url: &str) {
        self.send("Page.navigate", json!({ "url": url }));
        self.wait_until("document.readyState === 'complete'");
    }

    /// What an expression of JavaScript comes to; awaited, where it is a promise. `None` while the page changes.
    pub fn evaluate(&mut self, expression: &str) -> Option<Value> {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.try_send("Runtime.evaluate", asked).ok()?;
        if let Some(exception) = answer.get("exceptionDetails") {
            panic!("{expression}: {exception}");
        }
        Some(answer["result"]["value"].clone())
    }

    /// Waits until an expression of JavaScript is true; shows the page when it does not become so.
    #[track_caller]
    pub fn wait_until(&mut self, expression: &str) {
        let become_true = wait_for(LIMIT, || {
            let guarded =
                format!("(() => {{ try {{ return !!({expression}) }} catch (_) {{ return false }} }})()");
            (self.evaluate(&guarded) == Some(Value::Bool(true))).then_some(())
        });
        if become_true.is_none() {
            panic!("it does not become so: {expression}\n{}", self.text());
        }
    }

    /// Sees the page in both themes, and panics with what keeps people out of it who do not see it.
    #[track_caller]
    pub fn assert_for_everyone(&mut self, page: &str) {
        for is_dark in [false, true] {
            self.see(is_dark, 1280, 800);
            let found = self.violations();
            assert!(found.is_empty(), "{page}:\n{}", found.join("\n"));
        }
    }

    /// Waits until a person sees these words; shows the page when they do not come.
    #[track_caller]
    pub fn wait_for_words(&mut self, words: &str) {
        self.wait_until(&format!("document.body.innerText.includes({})", json!(words)));
    }

    /// The text that a person sees.
    pub fn text(&mut self) -> String {
        // Between two pages there is no body.
        let text = self.evaluate("document.body?.innerText ?? ''");
        text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Clicks on the first element of a CSS selector.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        self.wait_until(&format!("document.querySelector({selector:?})"));
        self.evaluate(&format!("document.querySelector({selector:?}).click()"));
    }

    /// Types into a field.
    #[track_caller]
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.wait_until(&format!("document.querySelector({selector:?})"));
        self.evaluate(&format!("document.querySelector({selector:?}).focus()"));
        self.send("Input.insertText", json!({ "text": text }));
    }

    /// Chooses a file in a field for one.
    #[track_caller]
    pub fn choose_file(&mut self, selector: &str, path: &Path) {
        let document = self.send("DOM.getDocument", json!({}));
        let wanted = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let node = self.send("DOM.querySelector", wanted);
        let path = path.to_str().expect("a path that is text");
        self.send("DOM.setFileInputFiles", json!({ "nodeId": node["nodeId"], "files": [path] }));
    }

    /// From now on pages are seen by someone who likes it dark, or bright, on a screen of this size.
    pub fn see(&mut self, is_dark: bool, width: u32, height: u32) {
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.send("Emulation.setEmulatedMedia", json!({ "features": features }));
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.send("Emulation.setDeviceMetricsOverride", size);
    }

    /// From now on pages are asked for in this language.
    pub fn read(&mut self, language: &str) {
        let agent = self.evaluate("navigator.userAgent").unwrap_or_default();
        self.send(
            "Emulation.setUserAgentOverride",
            json!({ "userAgent": agent, "acceptLanguage": language }),
        );
    }

    /// What axe-core finds wrong with the page for people who do not see it, hear it, or use a mouse: each rule with the
    /// elements that break it.
    #[track_caller]
    pub fn violations(&mut self) -> Vec<String> {
        const AXE: &str = include_str!("../assets/axe-4.14.1.min.js");
        self.send("Runtime.evaluate", json!({ "expression": AXE }));
        let found = self.evaluate(
            "axe.run().then(found => found.violations.flatMap(rule => \
             rule.nodes.map(node => `${rule.id}: ${node.html} ${node.failureSummary}`)))",
        );
        let found = found.expect("a page that stays");
        let texts = found.as_array().expect("a list").iter();
        texts.map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The page as a picture (PNG), all of it.
    #[track_caller]
    pub fn screenshot(&mut self, path: &Path) {
        let wanted = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.send("Page.captureScreenshot", wanted);
        let picture = data_encoding::BASE64.decode(picture["data"].as_str().unwrap_or_default().as_bytes());
        fs_err::write(path, picture.expect("a picture in Base64")).expect("a picture that can be kept");
    }

    /// The answer to a command; panics when it is an error.
    #[track_caller]
    fn send(&mut self, method: &str, parameters: Value) -> Value {
        self.try_send(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_send(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let text = format!("{message}\0");
        self.input.write_all(text.as_bytes()).expect("chromium listens");
        loop {
            let mut answer = self.answers.recv_timeout(LIMIT).expect("chromium answers");
            // What is no answer tells of something that happened.
            if answer["id"] == json!(self.last) {
                return match answer.get_mut("error") {
                    Some(error) => Err(error.take()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.try_send("Browser.close", json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
