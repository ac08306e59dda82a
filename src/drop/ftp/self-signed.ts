/**
 * A certificate that signs itself, so that FTP is encrypted from the first start on (X.509 version 3, RFC 5280; ECDSA with
 * P-256 and SHA-256, RFC 5480 and RFC 5758). Node makes keys and signatures but no certificates, hence the DER by hand.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { bitString, boolean, der, integer, objectId, octetString, sequence, setOf, time, utf8String } from './der.js'

export interface CertificateWish {
  /** What the certificate calls itself. */
  commonName: string
  /** DNS names and IPv4 addresses that it is good for. */
  names: readonly string[]
  /** Epoch milliseconds. */
  notBefore: number
  notAfter: number
}

export interface PemPair {
  cert: string
  key: string
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const COMMON_NAME = '2.5.4.3'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const extensionIds = { basicConstraints: '2.5.29.19', keyUsage: '2.5.29.15', extendedKeyUsage: '2.5.29.37' }
const SUBJECT_ALT_NAME = '2.5.29.17'
const SUBJECT_KEY_ID = '2.5.29.14'

export function makeSelfSigned(wish: CertificateWish): PemPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256))
  const name = sequence(setOf(sequence(objectId(COMMON_NAME), utf8String(wish.commonName))))
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm,
    name,
    sequence(time(wish.notBefore), time(wish.notAfter)),
    name,
    subjectKey,
    der(0xa3, extensions(wish.names, subjectKey)),
  )
  const certificate = sequence(body, algorithm, bitString(sign('sha256', body, privateKey)))
  return { cert: pem(certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** RFC 5280 §4.1.2.2: positive, unique, at most 20 octets, and never beginning with a zero octet. */
function serialNumber(): Buffer {
  const octets = randomBytes(16)
  octets[0] = (octets[0]! & 0x7f) | 0x40
  return octets
}

/** Its own authority (nothing else), for servers, under these names. */
function extensions(names: readonly string[], subjectKey: Buffer): Buffer {
  const generalNames = names.map((name) =>
    isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
  )
  return sequence(
    extension(extensionIds.basicConstraints, true, sequence(boolean(true))),
    // digitalSignature and keyCertSign: bits 0 and 5 of one octet, with two unused ones at its end.
    extension(extensionIds.keyUsage, true, der(0x03, Buffer.from([2, 0x84]))),
    extension(extensionIds.extendedKeyUsage, false, sequence(objectId(SERVER_AUTH))),
    extension(SUBJECT_KEY_ID, false, octetString(createHash('sha1').update(subjectKey).digest())),
    extension(SUBJECT_ALT_NAME, false, sequence(...generalNames)),
  )
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octetString(value))
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
