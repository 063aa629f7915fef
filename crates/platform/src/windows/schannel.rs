//! TLS by the system itself (schannel), with a certificate of one of its stores: what the products, IIS and http.sys do.

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{SEC_E_INCOMPLETE_MESSAGE, SEC_E_OK, SEC_I_CONTINUE_NEEDED};
use windows_sys::Win32::Security::Authentication::Identity::{
    ASC_REQ_ALLOCATE_MEMORY, ASC_REQ_CONFIDENTIALITY, ASC_REQ_REPLAY_DETECT, ASC_REQ_SEQUENCE_DETECT,
    ASC_REQ_STREAM, AcceptSecurityContext, AcquireCredentialsHandleW, DeleteSecurityContext,
    FreeContextBuffer, FreeCredentialsHandle, SCHANNEL_CRED, SCHANNEL_CRED_VERSION, SECBUFFER_EMPTY,
    SECBUFFER_EXTRA, SECBUFFER_TOKEN, SECBUFFER_VERSION, SECPKG_CRED_INBOUND, SecBuffer, SecBufferDesc,
    UNISP_NAME_W,
};
use windows_sys::Win32::Security::Credentials::SecHandle;

use super::certificate_store::StoredCertificate;
use super::refused;

/// The longest message of a client that is waited for.
const LONGEST: usize = 64 * 1024;

/// The certificate of a store with its key, as the system serves it.
pub struct Credentials(SecHandle);

// SAFETY: the handle stands for what the system keeps, and any thread may use it.
unsafe impl Send for Credentials {}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and given back once.
        unsafe {
            FreeCredentialsHandle(&raw const self.0);
        }
    }
}

impl Credentials {
    /// Lets the system serve a certificate, whose key this account must be able to use.
    pub fn new(certificate: &StoredCertificate) -> io::Result<Self> {
        let mut contexts = [certificate.context().cast_mut()];
        let wanted = SCHANNEL_CRED {
            dwVersion: SCHANNEL_CRED_VERSION,
            cCreds: 1,
            paCred: contexts.as_mut_ptr(),
            ..SCHANNEL_CRED::default()
        };
        let (mut handle, mut expiry) = (SecHandle::default(), 0);
        // SAFETY: the structure and the certificate live through the call, which copies what it needs; what is null may be.
        refused(unsafe {
            AcquireCredentialsHandleW(
                null(),
                UNISP_NAME_W,
                SECPKG_CRED_INBOUND,
                null(),
                (&raw const wanted).cast(),
                None,
                null(),
                &raw mut handle,
                &raw mut expiry,
            )
        })?;
        Ok(Self(handle))
    }

    /// Shakes hands as the server, to the end. What the client says afterwards is not read.
    pub fn shake_hands(&self, stream: &mut TcpStream) -> io::Result<()> {
        let (mut context, mut received, mut buffer) = (Context(None), Vec::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            received.extend_from_slice(&buffer[..count]);
            while !received.is_empty() {
                let Some(step) = self.step(&mut context, &mut received)? else { break };
                stream.write_all(&step.answer)?;
                if step.is_last {
                    return Ok(());
                }
                received.drain(..received.len().saturating_sub(step.left_over));
            }
        }
    }

    /// Gives the system what the client has said so far; `None` where it needs more of it.
    fn step(&self, context: &mut Context, received: &mut [u8]) -> io::Result<Option<Step>> {
        let length = u32::try_from(received.len()).map_err(io::Error::other)?;
        let empty = |kind| SecBuffer { cbBuffer: 0, BufferType: kind, pvBuffer: null_mut() };
        let said = SecBuffer {
            cbBuffer: length,
            BufferType: SECBUFFER_TOKEN,
            pvBuffer: received.as_mut_ptr().cast(),
        };
        let mut input = [said, empty(SECBUFFER_EMPTY)];
        let mut output = [empty(SECBUFFER_TOKEN)];
        let input_list =
            SecBufferDesc { ulVersion: SECBUFFER_VERSION, cBuffers: 2, pBuffers: input.as_mut_ptr() };
        let mut output_list =
            SecBufferDesc { ulVersion: SECBUFFER_VERSION, cBuffers: 1, pBuffers: output.as_mut_ptr() };
        let before = context.0;
        let mut handle = before.unwrap_or_default();
        let (mut attributes, mut expiry) = (0, 0);
        // SAFETY: the credentials are open, and so is the context unless it is the first step; all buffers have as many bytes
        // as they say, and they and the places for answers live through the call.
        let status = unsafe {
            AcceptSecurityContext(
                &raw const self.0,
                before.as_ref().map_or(null(), |before| &raw const *before),
                &raw const input_list,
                REQUESTED,
                0,
                &raw mut handle,
                &raw mut output_list,
                &raw mut attributes,
                &raw mut expiry,
            )
        };
        let answer = taken(&output[0]);
        match status {
            SEC_E_INCOMPLETE_MESSAGE if received.len() < LONGEST => return Ok(None),
            SEC_E_OK | SEC_I_CONTINUE_NEEDED => context.0 = Some(handle),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
        let left_over = if input[1].BufferType == SECBUFFER_EXTRA { input[1].cbBuffer as usize } else { 0 };
        Ok(Some(Step { answer, left_over, is_last: status == SEC_E_OK }))
    }
}

/// A stream, with memory of the system for what is answered.
const REQUESTED: u32 = ASC_REQ_ALLOCATE_MEMORY
    | ASC_REQ_CONFIDENTIALITY
    | ASC_REQ_REPLAY_DETECT
    | ASC_REQ_SEQUENCE_DETECT
    | ASC_REQ_STREAM;

/// One step of a handshake.
struct Step {
    /// What the client is to get.
    answer: Vec<u8>,
    /// How many of the bytes at the end belong to the next step.
    left_over: usize,
    is_last: bool,
}

/// A handshake, from its first step on.
struct Context(Option<SecHandle>);

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            // SAFETY: the handle is ours, and given back once.
            unsafe {
                DeleteSecurityContext(&raw const *handle);
            }
        }
    }
}

/// The bytes of a buffer that the system has allocated, which is given back.
fn taken(buffer: &SecBuffer) -> Vec<u8> {
    if buffer.pvBuffer.is_null() {
        return Vec::new();
    }
    // SAFETY: the call has filled in as many bytes as it says, and they are freed once, as it demands.
    unsafe {
        let bytes =
            std::slice::from_raw_parts(buffer.pvBuffer.cast::<u8>(), buffer.cbBuffer as usize).to_vec();
        FreeContextBuffer(buffer.pvBuffer);
        bytes
    }
}
