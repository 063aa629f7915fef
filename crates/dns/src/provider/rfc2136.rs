//! Dynamic updates (RFC 2136) signed with TSIG (RFC 8945).
//!
//! They go over TCP: the size does not matter, and an answer that does not come is known at once. Adding a value that
//! is there and deleting one that is not are no failures (RFC 2136, sections 3.4.2.2 and 3.4.2.4), so both ways are
//! idempotent without a look before.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use baton_platform::clock;
use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigError;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigner};

use super::Change;
use crate::address::ServerAddress;
use crate::config::Rfc2136Config;
use crate::error::{ConfigError, DnsError};
use crate::exchange::{self, ExchangeError};
use crate::name_servers;
use crate::resolver::Resolver;
use crate::solver::Published;
use crate::tsig_key::TsigKey;
use crate::update_refusal::UpdateRefusal;

/// By how much two clocks may differ (RFC 8945, section 10 recommends five minutes).
const FUDGE: u16 = 300;

/// The primary server of a zone, with the key that it knows.
pub(crate) struct Primary {
    server: ServerAddress,
    signer: TSigner,
    key: String,
    ttl: u32,
}

impl fmt::Debug for Primary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Primary")
            .field("server", &self.server)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Primary {
    pub(crate) fn new(config: Rfc2136Config) -> Result<Self, ConfigError> {
        let path = config.key_file;
        let signer = TsigKey::read(&path, config.key_name.as_deref(), config.algorithm)
            .and_then(|key| Ok((key.signer(FUDGE)?, key.name_text())));
        let (signer, key) = signer.map_err(|cause| ConfigError::Key { path, cause })?;
        Ok(Self { server: config.server, signer, key, ttl: seconds(config.ttl) })
    }

    pub(crate) async fn change(
        &self,
        resolver: &Resolver,
        change: Change,
        published: &Published,
    ) -> Result<(), DnsError> {
        let (record, zone) = published.names()?;
        let update = self.update(change, &record, &zone, &published.value);
        let addresses = name_servers::addresses_of_server(resolver, &self.server).await?;
        let mut last = DnsError::ServerUnknown { server: self.server.to_string() };
        for server in addresses {
            match self.send(server, &update).await {
                Ok(()) => return Ok(()),
                Err(Unchanged::Refused(refusal)) => {
                    let (record, zone) = (published.record.clone(), published.zone.clone());
                    let refusal = Box::new(refusal);
                    return Err(DnsError::Refused { record, zone, server, refusal });
                }
                // Another address of the same server may have a route.
                Err(Unchanged::Unanswered(cause)) => {
                    last = DnsError::Unanswered { record: published.record.clone(), server, cause };
                }
            }
        }
        Err(last)
    }

    /// An update of one value (RFC 2136, sections 2.5.1 and 2.5.4).
    fn update(&self, change: Change, record: &Name, zone: &Name, value: &str) -> Message {
        let mut update = Message::query();
        update.metadata.op_code = OpCode::Update;
        update.add_query(Query::query(zone.clone(), RecordType::SOA));
        let text = RData::TXT(TXT::new(vec![value.to_owned()]));
        let mut value = Record::from_rdata(record.clone(), self.ttl, text);
        if change == Change::Remove {
            value.dns_class = DNSClass::NONE;
            value.ttl = 0;
        }
        update.add_authority(value);
        update
    }

    async fn send(&self, server: SocketAddr, update: &Message) -> Result<(), Unchanged> {
        let malformed = |error: &dyn fmt::Display| ExchangeError::Malformed(error.to_string());
        let mut update = update.clone();
        let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
        let verifier = update.finalize(&self.signer, now).map_err(|error| malformed(&error))?;
        let bytes = update.to_vec().map_err(|error| malformed(&error))?;
        let answer_bytes = exchange::over_tcp(server, &bytes).await?;
        let answer = exchange::read_answer(&update, &answer_bytes)?;
        // Errors of the key and of the signature come unsigned (RFC 8945, section 5.3.2): they are told as they are.
        let error = answer.signature().and_then(|signature| signature.data.error);
        match error {
            Some(TsigError::BadKey) => return Err(self.unknown_key().into()),
            Some(TsigError::BadSig) => {
                return Err(UpdateRefusal::WrongSecret { key: self.key.clone() }.into());
            }
            Some(TsigError::BadTime) => {
                return Err(UpdateRefusal::Clock { seconds: ahead(&answer, now) }.into());
            }
            Some(TsigError::BadTrunc | TsigError::Unknown(_)) | None => {}
        }
        let verified = verifier.map(|mut verifier| verifier.verify(&answer_bytes));
        match (verified, refusal(answer.metadata.response_code)) {
            (Some(Ok(_)), None) => Ok(()),
            (_, Some(refusal)) => Err(refusal.into()),
            // Without the signature nobody knows who says that it was done.
            (verified, None) => {
                let reason = match verified {
                    Some(Err(error)) => error.to_string(),
                    _ => "it has no signature".to_owned(),
                };
                Err(UpdateRefusal::Unsigned { key: self.key.clone(), reason }.into())
            }
        }
    }

    fn unknown_key(&self) -> UpdateRefusal {
        UpdateRefusal::UnknownKey { key: self.key.clone(), algorithm: self.signer.algorithm().to_string() }
    }
}

/// The update was not made.
#[derive(Debug)]
enum Unchanged {
    Unanswered(ExchangeError),
    Refused(UpdateRefusal),
}

impl From<ExchangeError> for Unchanged {
    fn from(error: ExchangeError) -> Self {
        Self::Unanswered(error)
    }
}

impl From<UpdateRefusal> for Unchanged {
    fn from(refusal: UpdateRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a code of RFC 2136, section 2.2 amounts to; `None` when the change was made.
fn refusal(code: ResponseCode) -> Option<UpdateRefusal> {
    Some(match code {
        ResponseCode::NoError => return None,
        ResponseCode::Refused => UpdateRefusal::Refused,
        ResponseCode::NotAuth => UpdateRefusal::NotAuthoritative,
        ResponseCode::NotZone => UpdateRefusal::NotZone,
        ResponseCode::NotImp => UpdateRefusal::NotImplemented,
        ResponseCode::ServFail => UpdateRefusal::ServerFailed,
        other => UpdateRefusal::Other { code: exchange::code_text(other) },
    })
}

/// By how many seconds the server's clock is ahead: with BADTIME it tells its own (RFC 8945, section 5.2.3).
fn ahead(answer: &Message, now: u64) -> i64 {
    let other = answer.signature().map(|signature| signature.data.other.as_slice()).unwrap_or_default();
    let Ok(other) = <[u8; 6]>::try_from(other) else { return 0 };
    let theirs = other.iter().fold(0_u64, |time, byte| time << 8 | u64::from(*byte));
    i64::try_from(theirs).unwrap_or(i64::MAX).saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
}

/// A time to live has 31 bits of seconds (RFC 2181, section 8).
fn seconds(ttl: Duration) -> u32 {
    u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs())
}
