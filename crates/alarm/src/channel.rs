//! The ways on which a message reaches people.

use std::time::Duration;

use baton_http::Trusted;
use baton_platform::command::Command;

use crate::decide::Policy;
use crate::error::DeliveryError;
use crate::mail::Mail;
use crate::message::Message;
use crate::receiver::Receiver;
use crate::url::SecretUrl;

/// An `[[alert]]` of the settings.
#[derive(Debug)]
pub struct Channel {
    /// Its name in the settings.
    pub name: String,
    /// What it is told, and how often.
    pub policy: Policy,
    /// How it is told.
    pub transport: Transport,
}

/// How a channel is told.
#[derive(Debug)]
pub enum Transport {
    /// A POST of JSON.
    Webhook(Webhook),
    /// A mail.
    Mail(Mail),
    /// A program that reads JSON.
    Command(Program),
}

/// A URL that takes JSON.
#[derive(Debug)]
pub struct Webhook(Box<Receiver>);

/// A program with its arguments.
#[derive(Debug)]
pub struct Program {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How long it may run.
    pub time_limit: Duration,
}

impl Channel {
    /// Delivers a message: `Ok` means that the receiver has said yes.
    pub async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        match &self.transport {
            Transport::Webhook(Webhook(receiver)) => receiver.post(message.to_json()).await,
            Transport::Mail(mail) => mail.send(message).await,
            Transport::Command(program) => program.run(message).await,
        }
    }
}

impl Webhook {
    /// A webhook at `url`, whose certificate must lead to one of `trusted`.
    pub fn new(url: SecretUrl, trusted: Trusted) -> Self {
        Self(Box::new(Receiver::new(url, trusted)))
    }
}

impl Program {
    async fn run(&self, message: &Message) -> Result<(), DeliveryError> {
        let mut input = message.to_json();
        input.push('\n');
        let command =
            Command { input: input.into_bytes(), ..Command::new(self.argv.clone(), self.time_limit) };
        let outcome = command.run().await?;
        if !outcome.output.trim().is_empty() {
            tracing::info!("`{command}`: {}", outcome.output.trim());
        }
        Ok(())
    }
}
