//! Timestamps, RFC 3161: questions to a timestamp service (*dịch vụ cấp dấu thời gian*) as bytes, its answers judged, and
//! tokens verified, in signatures and as document timestamps (ETSI EN 319 142-1 section 5.4.3).

use super::Certificate;
use super::algorithm::Hash;
use super::asn1::{ID_CT_TST_INFO, MessageImprint, SignedData, TimeStampReq, TimeStampResp, TokenContentInfo, TstInfo};
use super::certificate::display_name;
use super::revocation::{Evidence, Revocation};
use super::verify::{
    self, Problem, check_signature, find_signer, judge_chain, only_signer, parse_roots, read_certificates, stated_hash,
    unprotected,
};
use crate::model::{Lang, Localized};
use cms::content_info::CmsVersion;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::asn1::{Int, ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode, Tag, Tagged};
use rsa::rand_core::CryptoRngCore;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// Content type of a question, RFC 3161 section 3.4.
pub const REQUEST_TYPE: &str = "application/timestamp-query";
/// Content type of an answer.
pub const RESPONSE_TYPE: &str = "application/timestamp-reply";
/// Room that a token usually needs, bytes. Measured on tokens of `openssl ts`: 1.2 KB (ECDSA P-256, one certificate) to
/// 5.8 KB (RSA 4096, three certificates).
pub const USUAL_SIZE: usize = 7 * 1024;

/// Bytes of a token at most.
const MAX_TOKEN_BYTES: usize = 1 << 20;
/// A token may be this much ahead of our clock.
const CLOCK_TOLERANCE: Duration = Duration::minutes(5);
/// `granted` and `grantedWithMods`, RFC 3161 section 2.4.2.
const GRANTED: [u8; 2] = [0, 1];
/// The hash of what is stamped: the one that every service knows.
const IMPRINT: Hash = Hash::Sha256;

/// A question to a timestamp service.
#[derive(Clone, Debug)]
pub struct Request {
    imprint: MessageImprint,
    policy: Option<ObjectIdentifier>,
    nonce: Int,
}

impl Request {
    /// A question for a timestamp over `message` (its parts in order), under `policy` where one is wanted. A number from
    /// `rng` tells its answer from older ones.
    ///
    /// # Errors
    ///
    /// [`TimestampError::Policy`] when `policy` is no object identifier.
    pub fn new(message: &[&[u8]], policy: Option<&str>, rng: &mut impl CryptoRngCore) -> Result<Self, TimestampError> {
        let policy = policy.map(|text| text.parse().map_err(|_| TimestampError::Policy)).transpose()?;
        Ok(Self { imprint: imprint(IMPRINT, message)?, policy, nonce: positive(rng.next_u64())? })
    }

    /// The `TimeStampReq`, DER. The service is asked for its certificate.
    ///
    /// # Errors
    ///
    /// Never in practice: what was built can be encoded.
    pub fn to_der(&self) -> Result<Vec<u8>, TimestampError> {
        let request = TimeStampReq {
            version: 1,
            message_imprint: self.imprint.clone(),
            req_policy: self.policy,
            nonce: Some(self.nonce.clone()),
            cert_req: true,
        };
        Ok(request.to_der()?)
    }

    /// Checks the service's answer to this question and takes the token out of it.
    ///
    /// The token must be about this question: imprint, nonce and policy; and its signature must be that of a certificate
    /// for timestamps, valid at `at` and not revoked as far as `evidence` tells. Whether the service is trusted is told in
    /// [`Stamped::verdict`].
    ///
    /// # Errors
    ///
    /// Says what is wrong with the answer.
    pub fn check(
        &self,
        response: &[u8],
        message: &[&[u8]],
        roots: &[Certificate],
        evidence: &Evidence,
        at: OffsetDateTime,
    ) -> Result<Stamped, TimestampError> {
        let response = TimeStampResp::from_der(response).map_err(|_| TimestampError::NoResponse)?;
        if !GRANTED.contains(&response.status.status) {
            return Err(TimestampError::Refused(response.status.status));
        }
        let token = response.time_stamp_token.ok_or(TimestampError::NoResponse)?.to_der()?;
        let read = Token::read(&token).map_err(TimestampError::Token)?;
        if read.info.message_imprint != self.imprint {
            return Err(TimestampError::Other("message imprint"));
        }
        if read.info.nonce.as_ref() != Some(&self.nonce) {
            return Err(TimestampError::Other("nonce"));
        }
        if self.policy.is_some_and(|policy| policy != read.info.policy) {
            return Err(TimestampError::Other("policy"));
        }
        let verdict = verify(&token, message, roots, evidence, at);
        match verdict.problems.iter().find(|problem| !matches!(problem, Problem::NotTrusted(_))) {
            Some(problem) => Err(TimestampError::Token(problem.clone())),
            None => Ok(Stamped { token, verdict }),
        }
    }
}

/// The imprint of a message. Parameters of the hash are NULL, as RFC 3161's authors and all services have it.
fn imprint(hash: Hash, message: &[&[u8]]) -> Result<MessageImprint, der::Error> {
    let mut hash_algorithm = hash.identifier();
    hash_algorithm.parameters = Some(Any::null());
    Ok(MessageImprint { hash_algorithm, hashed_message: OctetString::new(hash.digest(message))? })
}

/// An INTEGER that is not negative.
fn positive(number: u64) -> Result<Int, der::Error> {
    let bytes = [&[0][..], &number.to_be_bytes()].concat();
    // DER wants the shortest form: a zero only before a byte that would else be a sign.
    let start = bytes.windows(2).position(|pair| pair[0] != 0 || pair[1] >= 0x80).unwrap_or(bytes.len() - 1);
    Int::new(&bytes[start..])
}

/// A token just received, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// The token: a CMS structure, DER.
    pub token: Vec<u8>,
    /// The only problem may be that its service is not trusted.
    pub verdict: TimestampVerdict,
}

/// Why there is no timestamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The policy asked for is no object identifier.
    #[error("the timestamp policy is not an object identifier such as 1.2.3.4")]
    Policy,
    /// The answer is no timestamp response.
    #[error("the answer is not a timestamp response")]
    NoResponse,
    /// The service refused: its `PKIStatus`.
    #[error("the timestamp service refused, status {0}")]
    Refused(u8),
    /// The timestamp is about something else: what does not fit.
    #[error("the timestamp is not about what was asked: its {0} differs")]
    Other(&'static str),
    /// The token itself is wrong.
    #[error("the timestamp is not valid: {}", .0.message(Lang::En))]
    Token(Problem),
    /// Something cannot be encoded.
    #[error("the timestamp request cannot be written: {0}")]
    Encoding(#[from] der::Error),
}

impl Localized for TimestampError {
    fn message(&self, lang: Lang) -> String {
        match (lang, self) {
            (Lang::En, error) => error.to_string(),
            (Lang::Vi, Self::Policy) => "chính sách dấu thời gian phải là mã định danh dạng 1.2.3.4".to_owned(),
            (Lang::Vi, Self::NoResponse) => {
                "máy chủ không trả lời đúng dạng dấu thời gian; hãy kiểm tra địa chỉ dịch vụ".to_owned()
            }
            (Lang::Vi, Self::Refused(status)) => format!("dịch vụ dấu thời gian từ chối cấp (mã {status})"),
            (Lang::Vi, Self::Other(part)) => format!("dấu thời gian không ứng với yêu cầu ({part} khác)"),
            (Lang::Vi, Self::Token(problem)) => {
                format!("dấu thời gian không hợp lệ: {}", problem.message(Lang::Vi))
            }
            (Lang::Vi, Self::Encoding(_)) => "không tạo được yêu cầu cấp dấu thời gian".to_owned(),
        }
    }
}

/// What [`verify`] found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TimestampVerdict {
    /// Name of the service as its certificate states it.
    pub authority: String,
    /// The time stated, where the token can be read.
    pub time: Option<OffsetDateTime>,
    /// The service's policy, an object identifier.
    pub policy: String,
    /// The chain, service first and root last; empty when no trusted root was reached.
    pub chain: Vec<Certificate>,
    /// Does a faultless chain lead from the service to a given root?
    pub trusted: bool,
    /// What is known of the revocation of the service's certificates.
    pub revocation: Revocation,
    /// All that is wrong, in the order found.
    pub problems: Vec<Problem>,
}

impl TimestampVerdict {
    /// The time that a trusted service vouches for; `None` when anything is wrong.
    pub fn proven_time(&self) -> Option<OffsetDateTime> {
        self.time.filter(|_| self.trusted && self.problems.is_empty())
    }
}

/// Verifies a timestamp token over `message` (its parts in order).
///
/// `at` is when the token is known to exist: the time of a later timestamp over it, else now. The service's certificates
/// are judged at that time.
pub fn verify(
    token: &[u8],
    message: &[&[u8]],
    roots: &[Certificate],
    evidence: &Evidence,
    at: OffsetDateTime,
) -> TimestampVerdict {
    let mut verdict = TimestampVerdict::default();
    if let Err(problem) = examine(&mut verdict, token, message, roots, evidence, at) {
        verdict.problems.push(problem);
        verdict.trusted = false;
    }
    verdict
}

fn examine(
    verdict: &mut TimestampVerdict,
    token: &[u8],
    message: &[&[u8]],
    roots: &[Certificate],
    evidence: &Evidence,
    at: OffsetDateTime,
) -> Result<(), Problem> {
    let Token { content, info, encoded } = Token::read(token)?;
    let signer = only_signer(&content)?;
    let certificates = read_certificates(&content)?;
    let attributes = signer.signed_attrs.as_ref().ok_or(Problem::Attribute("signed attributes"))?;
    let hash = stated_hash(&content, signer)?;
    verdict.problems.extend(unprotected(&content));
    if signer.unsigned_attrs.is_some() {
        verdict.problems.push(Problem::Unprotected("unsigned attributes"));
    }
    let leaf = find_signer(signer, &certificates)?;
    verdict.authority = display_name(&leaf.certificate.tbs_certificate.subject);
    verdict.policy = info.policy.to_string();

    let stamped = Hash::from_identifier(&info.message_imprint.hash_algorithm)
        .ok_or_else(|| Problem::Algorithm(info.message_imprint.hash_algorithm.oid.to_string()))?;
    if info.message_imprint.hashed_message.as_bytes() != stamped.digest(message) {
        verdict.problems.push(Problem::ContentChanged);
    }
    let digest = hash.digest(&[&encoded]);
    verdict.problems.extend(verify::check_attributes(attributes, ID_CT_TST_INFO, signer, leaf, &digest));
    check_signature(signer, attributes, hash, leaf).unwrap_or_else(|problem| verdict.problems.push(problem));
    if let Err(fault) = super::certificate::check_timestamp_usage(&leaf.certificate) {
        verdict.problems.push(Problem::Certificate { holder: verdict.authority.clone(), fault });
    }
    let time = gen_time(&info.gen_time).ok_or(Problem::Malformed("time of the timestamp"))?;
    verdict.time = Some(time);
    if time > at + CLOCK_TOLERANCE {
        verdict.problems.push(Problem::FutureTime(time));
    }

    let judged = judge_chain(leaf, &certificates, &parse_roots(roots)?, evidence, at, true);
    verdict.trusted = judged.trusted && verdict.problems.is_empty();
    verdict.problems.extend(judged.problems);
    verdict.chain = judged.chain;
    verdict.revocation = judged.revocation;
    Ok(())
}

/// A token taken apart.
struct Token {
    content: SignedData,
    info: TstInfo,
    /// The `TSTInfo` as encoded.
    encoded: Vec<u8>,
}

impl Token {
    fn read(token: &[u8]) -> Result<Self, Problem> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Problem::Malformed("size"));
        }
        // Services do not sort their certificates as DER would have it, so no second encoding is compared.
        let outer = TokenContentInfo::from_der(token).map_err(|_| Problem::Malformed("CMS structure"))?;
        if outer.content_type != ID_SIGNED_DATA {
            return Err(Problem::Malformed("content type"));
        }
        let content = outer.content.tidied().map_err(|_| Problem::Malformed("certificate"))?;
        // RFC 5652 section 5.1: version 3, as the content is no plain data.
        if content.version != CmsVersion::V3 {
            return Err(Problem::Malformed("version"));
        }
        if content.encap_content_info.econtent_type != ID_CT_TST_INFO {
            return Err(Problem::Malformed("type of the signed content"));
        }
        let encoded = content.encap_content_info.econtent.as_ref();
        let encoded = encoded.and_then(|any| any.decode_as::<OctetString>().ok());
        let encoded = encoded.ok_or(Problem::Malformed("content of the timestamp"))?.into_bytes();
        let info = TstInfo::from_der(&encoded).map_err(|_| Problem::Malformed("content of the timestamp"))?;
        if info.version != 1 || info.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(Problem::Malformed("content of the timestamp"));
        }
        Ok(Self { content, info, encoded })
    }
}

/// `YYYYMMDDhhmmss[.s...]Z` (RFC 3161 section 2.4.2).
fn gen_time(value: &Any) -> Option<OffsetDateTime> {
    let text = std::str::from_utf8(value.value()).ok().filter(|_| value.tag() == Tag::GeneralizedTime)?;
    let text = text.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != "YYYYMMDDhhmmss".len() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let part = |from: usize| whole[from..from + 2].parse::<u8>().ok();
    let year = whole[..4].parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(part(4)?).ok()?, part(6)?).ok()?;
    // Digits beyond the nanosecond are cut off.
    let nanoseconds = format!("{fraction:0<9}")[..9].parse().ok()?;
    let time = Time::from_hms_nano(part(8)?, part(10)?, part(12)?, nanoseconds).ok()?;
    Some(date.with_time(time).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::OsRng;
    use time::macros::datetime;

    const MESSAGE: &[&[u8]] = &[b"what is ", b"stamped"];

    #[test]
    fn times_are_read_with_and_without_fractions() {
        let read = |text: &str| gen_time(&Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap());
        assert_eq!(read("20261130024500Z"), Some(datetime!(2026-11-30 02:45:00 UTC)));
        assert_eq!(read("20261130024500.25Z"), Some(datetime!(2026-11-30 02:45:00.25 UTC)));
        assert_eq!(read("20261130024500.1234567891Z"), Some(datetime!(2026-11-30 02:45:00.123456789 UTC)));
        for text in
            ["", "Z", "20261130024500", "20261330024500Z", "2026113002450Z", "20261130024500.Z", "+0261130024500Z"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nonces_are_short_positive_integers() {
        for (number, bytes) in [(0, &[0][..]), (1, &[1]), (127, &[127]), (128, &[0, 128]), (256, &[1, 0])] {
            assert_eq!(positive(number).unwrap().as_bytes(), bytes, "{number}");
        }
        assert_eq!(positive(u64::MAX).unwrap().as_bytes(), [0, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn a_question_reads_back() {
        let request = Request::new(MESSAGE, Some("1.2.3.4"), &mut OsRng).unwrap();
        let read = TimeStampReq::from_der(&request.to_der().unwrap()).unwrap();
        assert!(read.cert_req && read.version == 1 && read.nonce == Some(request.nonce.clone()));
        assert_eq!(read.req_policy.unwrap().to_string(), "1.2.3.4");
        assert_eq!(read.message_imprint.hashed_message.as_bytes(), Hash::Sha256.digest(&[b"what is stamped"]));
        assert_eq!(Request::new(MESSAGE, Some("policy"), &mut OsRng).unwrap_err(), TimestampError::Policy);
    }

    #[test]
    fn answers_without_a_token_are_refused() {
        let request = Request::new(MESSAGE, None, &mut OsRng).unwrap();
        let check =
            |answer: &[u8]| request.check(answer, MESSAGE, &[], &Evidence::default(), OffsetDateTime::UNIX_EPOCH);
        assert_eq!(check(b"<html>").unwrap_err(), TimestampError::NoResponse);
        assert_eq!(check(&[0x30, 5, 0x30, 3, 2, 1, 0]).unwrap_err(), TimestampError::NoResponse);
        assert_eq!(check(&[0x30, 5, 0x30, 3, 2, 1, 2]).unwrap_err(), TimestampError::Refused(2));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let verdict = verify(&bytes, MESSAGE, &[], &Evidence::default(), OffsetDateTime::UNIX_EPOCH);
            proptest::prop_assert!(verdict.proven_time().is_none());
        }
    }
}
