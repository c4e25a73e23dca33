//! The DER form of a self-signed X.509 v3 certificate (RFC 5280) for an ECDSA key on P-256 (RFC 5480).

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// `ecdsa-with-SHA256`, 1.2.840.10045.4.3.2.
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `id-ecPublicKey`, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `prime256v1`, 1.2.840.10045.3.1.7.
const PRIME256V1: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// `id-ce-subjectAltName`, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];

const NOT_BEFORE: &[u8] = b"200101000000Z";
/// "No well-defined expiration date" (RFC 5280, section 4.1.2.5).
const NOT_AFTER: &[u8] = b"99991231235959Z";

/// Returns the part of a certificate that is signed: for `name`, with a random serial number and a public key as an
/// uncompressed point.
pub(super) fn to_be_signed(name: &str, serial: [u8; 16], point: &[u8]) -> Vec<u8> {
    let mut serial = serial;
    // Positive, and as short as it is written.
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let common_name = sequence(&[COMMON_NAME, &tagged(UTF8_STRING, name.as_bytes())]);
    let names = sequence(&[&tagged(SET, &common_name)]);
    let validity = sequence(&[&tagged(UTC_TIME, NOT_BEFORE), &tagged(GENERALIZED_TIME, NOT_AFTER)]);
    let key = sequence(&[&sequence(&[EC_PUBLIC_KEY, PRIME256V1]), &bits(point)]);
    let dns_name = sequence(&[&tagged(0x82, name.as_bytes())]);
    let extension = sequence(&[SUBJECT_ALT_NAME, &tagged(OCTET_STRING, &dns_name)]);
    sequence(&[
        &tagged(0xa0, &tagged(INTEGER, &[2])),
        &tagged(INTEGER, &serial),
        &sequence(&[ECDSA_WITH_SHA256]),
        &names,
        &validity,
        &names,
        &key,
        &tagged(0xa3, &sequence(&[&extension])),
    ])
}

/// Returns the certificate of what was signed and its signature.
pub(super) fn certificate(signed: &[u8], signature: &[u8]) -> Vec<u8> {
    sequence(&[signed, &sequence(&[ECDSA_WITH_SHA256]), &bits(signature)])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(SEQUENCE, &parts.concat())
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    let whole_bytes: &[u8] = &[0];
    tagged(BIT_STRING, &[whole_bytes, bytes].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        Ok(byte) => der.extend([0x81, byte]),
        Err(_) => {
            let length = u16::try_from(length).expect("a certificate has less than 64 KiB");
            der.push(0x82);
            der.extend(length.to_be_bytes());
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        for (length, head) in [
            (0, vec![4, 0]),
            (127, vec![4, 127]),
            (128, vec![4, 0x81, 128]),
            (255, vec![4, 0x81, 255]),
            (256, vec![4, 0x82, 1, 0]),
        ] {
            let der = tagged(OCTET_STRING, &vec![7; length]);
            assert_eq!(der[..head.len()], head);
            assert_eq!(der.len(), head.len() + length);
        }
    }
}
