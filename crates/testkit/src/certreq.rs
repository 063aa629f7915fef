//! A stand-in for Microsoft's `certreq` with a CA of Active Directory Certificate Services behind it.
//!
//! It takes the arguments that Microsoft documents, writes the files that they name, and says what people have
//! published of the real one. The certificates are real: `openssl ca` makes them. **What it says in German is verified
//! for the line with the number alone**; the other words are made up, for nobody has published them.
//!
//! Its exit code is one byte here, and an HRESULT on Windows.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::OpensslAuthority;

/// The CA that it speaks for.
pub const AUTHORITY: &str = r"CA01\House Issuing CA";

/// What the CA does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Issues at once.
    Issue,
    /// Issues, and ends with a code other than 0, as when a file was there before.
    IssueWithCode,
    /// Leaves it to a manager.
    Approve,
    /// The policy refuses.
    Deny,
    /// Cannot be reached.
    Unreachable,
    /// Says that it has issued, and writes nothing.
    Nothing,
    /// Says what nobody knows.
    Rubbish,
    /// Gives a certificate for another key.
    OtherKey,
    /// Issues, and kills who asked, before anything could be made of it.
    Kill,
}

impl Manner {
    fn word(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::IssueWithCode => "code",
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Unreachable => "unreachable",
            Self::Nothing => "nothing",
            Self::Rubbish => "rubbish",
            Self::OtherKey => "other-key",
            Self::Kill => "kill",
        }
    }
}

/// The stand-in: a directory with the program, to be put first on `PATH`.
#[derive(Debug)]
pub struct Certreq {
    authority: OpensslAuthority,
}

impl Certreq {
    /// A CA that issues at once, on an English system.
    #[track_caller]
    pub fn new() -> Self {
        let certreq = Self { authority: OpensslAuthority::new() };
        fs_err::create_dir(certreq.program_directory()).expect("the program's directory");
        fs_err::create_dir(certreq.authority.path("requests")).expect("the CA's requests");
        let program = certreq.program_directory().join("certreq");
        let directory = certreq.authority.path("").display().to_string();
        let text =
            SCRIPT.replace("@DIRECTORY@", directory.trim_end_matches('/')).replace("@AUTHORITY@", AUTHORITY);
        fs_err::write(&program, text).expect("the program");
        fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        certreq.set(Manner::Issue);
        certreq.speak("en");
        certreq
    }

    /// What comes first on `PATH`.
    pub fn program_directory(&self) -> PathBuf {
        self.authority.path("bin")
    }

    /// The CA behind it.
    pub fn authority(&self) -> &OpensslAuthority {
        &self.authority
    }

    /// Changes what the CA does with requests that come.
    pub fn set(&self, manner: Manner) {
        self.write("manner", manner.word());
    }

    /// Changes the system's language: `en` or `de`.
    pub fn speak(&self, language: &str) {
        self.write("language", language);
    }

    /// The manager of the CA approves a request.
    pub fn approve(&self, number: u32) {
        self.write(&format!("requests/{number}.decision"), "approved");
    }

    /// The manager of the CA denies a request.
    pub fn deny(&self, number: u32) {
        self.write(&format!("requests/{number}.decision"), "denied");
    }

    /// The CA's books are lost.
    pub fn lose(&self, number: u32) {
        fs_err::remove_file(self.authority.path(&format!("requests/{number}.der"))).expect("a request");
    }

    /// How it was called, one line for each time.
    pub fn calls(&self) -> Vec<String> {
        let text = fs_err::read_to_string(self.authority.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The verbs it was called with: `-submit`, `-retrieve`.
    pub fn verbs(&self) -> Vec<String> {
        self.calls().iter().filter_map(|call| call.split(' ').next().map(str::to_owned)).collect()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.authority.path(name);
        fs_err::write(Path::new(&path), text).expect("a file of the stand-in");
    }
}

impl Default for Certreq {
    fn default() -> Self {
        Self::new()
    }
}

/// The program. It works in POSIX shells.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
ca='@DIRECTORY@'
# A CA answers one after the other.
exec 9>"$ca/lock"
flock 9
printf '%s\n' "$*" >>"$ca/calls"
manner=$(cat "$ca/manner")
language=$(cat "$ca/language")
[ "$manner" != unreachable ] || {
  printf 'Certificate Request Processor: The RPC server is unavailable. 0x800706ba (WIN32: 1722 RPC_S_SERVER_UNAVAILABLE)\r\n'
  exit 186
}
[ "$manner" != rubbish ] || { printf 'All your base: 7 of 9\r\n\033[2J'; exit 0; }
verb=$1
shift
config= attributes= files=
while [ $# -gt 0 ]; do
  case $1 in
    -config) config=$2; shift ;;
    -attrib) attributes=$2; shift ;;
    -q|-f|-binary) ;;
    -*) echo "Unknown argument: $1"; exit 1 ;;
    *) break ;;
  esac
  shift
done
[ "$config" = '@AUTHORITY@' ] || { echo "no such CA: $config"; exit 1; }
subject=$1 certificate=$2 chain=$3 response=$4

label() {
  case $language in
    de) name='Anforderungs-ID' ;;
    *) name='RequestId' ;;
  esac
  printf '%s: %s\r\n%s: "%s"\r\n' "$name" "$1" "$name" "$1"
}

# The signed answer of the CA: its status is the same in every language (RFC 5272).
respond() {
  {
    echo 'asn1=SEQUENCE:response'
    echo '[response]'; echo 'controls=SEQUENCE:controls'; echo 'cms=SEQUENCE:empty'; echo 'others=SEQUENCE:empty'
    echo '[controls]'; echo 'status=SEQUENCE:status'
    echo '[status]'; echo 'id=INTEGER:1'; echo 'type=OID:1.3.6.1.5.5.7.7.1'; echo 'values=SET:values'
    echo '[values]'; echo 'value=SEQUENCE:information'
    echo '[information]'; echo "status=INTEGER:$1"; echo 'parts=SEQUENCE:parts'
    echo '[parts]'; echo 'part=INTEGER:1'
    echo '[empty]'
  } >"$ca/response.cnf"
  openssl asn1parse -genconf "$ca/response.cnf" -noout -out "$ca/response.der"
  openssl cms -sign -binary -nodetach -econtent_type 1.3.6.1.5.5.7.12.3 -signer "$ca/intermediate.pem" \
    -inkey "$ca/intermediate.key" -in "$ca/response.der" -outform DER -out "$response"
}

issue() {
  if [ ! -f "$ca/requests/$1.pem" ]; then
    if [ "$manner" = other-key ]; then
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$ca/other.key" -subj /CN=www.example.com \
        -addext subjectAltName=DNS:www.example.com -out "$ca/requests/$1.csr" 2>/dev/null
    else
      openssl req -inform DER -in "$ca/requests/$1.der" -out "$ca/requests/$1.csr"
    fi
    openssl ca -batch -notext -config "$ca/ca.cnf" -in "$ca/requests/$1.csr" -out "$ca/requests/$1.pem" 2>"$ca/errors"
  fi
  openssl x509 -in "$ca/requests/$1.pem" -outform DER -out "$certificate"
  openssl crl2pkcs7 -nocrl -certfile "$ca/requests/$1.pem" -certfile "$ca/intermediate.pem" -certfile "$ca/root.pem" \
    -outform DER -out "$chain"
  respond 0
  case $language in
    de) printf 'Zertifikat abgerufen(Ausgestellt) Issued\r\n' ;;
    *) printf 'Certificate retrieved(Issued) Issued\r\n' ;;
  esac
  [ "$manner" != code ] || exit 80
  [ "$manner" != kill ] || { kill -KILL $PPID; sleep 5; }
}

pending() {
  case $language in
    de) respond 3; printf 'Die Zertifikatanforderung steht aus: Taken Under Submission\r\n' ;;
    *) printf 'Certificate request is pending: Taken Under Submission (0)\r\n' ;;
  esac
}

denied() {
  case $language in
    de) printf 'Das Zertifikat wurde nicht ausgestellt (Verweigert) %s\r\n' "$1" ;;
    *) printf 'Certificate not issued (Denied) %s\r\n' "$1" ;;
  esac
  exit 20
}

case $verb in
  -submit)
    openssl req -inform DER -in "$subject" -noout -verify 2>"$ca/errors"
    number=$(cat "$ca/number" 2>/dev/null || echo 41)
    number=$((number + 1))
    echo "$number" >"$ca/number"
    cp "$subject" "$ca/requests/$number.der"
    label "$number"
    case $manner in
      approve) pending ;;
      deny) denied 'Denied by Policy Module 0x80094800, The request was for a certificate template that is not supported by the Active Directory Certificate Services policy: WebServer. (-2146875392 CERTSRV_E_UNSUPPORTED_CERT_TYPE)' ;;
      nothing) printf 'Certificate retrieved(Issued) Issued\r\n' ;;
      *) issue "$number" ;;
    esac ;;
  -retrieve)
    number=$subject
    [ -f "$ca/requests/$number.der" ] || {
      printf 'Certificate Request Processor: The requested property value is empty. 0x80094004 (-2146877436 CERTSRV_E_PROPERTY_EMPTY)\r\n'
      exit 4
    }
    label "$number"
    case $(cat "$ca/requests/$number.decision" 2>/dev/null || echo "$manner") in
      approved|issue|code|other-key) issue "$number" ;;
      denied) denied 'Denied by HOUSE\manager 0x80094014 (-2146877420 CERTSRV_E_ADMIN_DENIED_REQUEST)' ;;
      nothing) printf 'Certificate retrieved(Issued) Issued\r\n' ;;
      *) pending ;;
    esac ;;
  *) echo "Unknown argument: $verb"; exit 1 ;;
esac
"#;
