/** What went wrong with a connection to a far end, for the person who reads it, with the code for the one who searches for it. */

const WORDS = new Map<string, string>([
  ['ECONNREFUSED', 'nothing listens at this host and port'],
  ['ECONNRESET', 'the carrier cut the connection'],
  ['EPIPE', 'the carrier cut the connection'],
  ['ETIMEDOUT', 'the host does not answer'],
  ['EHOSTUNREACH', 'there is no way to this host'],
  ['ENETUNREACH', 'there is no way to this network'],
  ['EADDRINUSE', 'the address is in use'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  ['EMSGSIZE', 'larger than the network carries'],
  ['ENOTFOUND', 'the name of the host is not known'],
  ['EAI_AGAIN', 'the name service does not answer'],
  ['CERT_HAS_EXPIRED', 'the certificate has expired'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate is self-signed: name its authority in tls.ca'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'the authority is not known: name it in tls.ca'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'the authority is not known: name it in tls.ca'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'the authority is not known: name it in tls.ca'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate is for another name: set tls.servername'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'the carrier wants a certificate of ours: tls.cert and tls.key'],
  [
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    'the carrier ends the handshake; does it want a certificate of ours (tls.cert)?',
  ],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'the carrier does not take our certificate (tls.cert)'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'the carrier does not take our certificate (tls.cert)'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'our certificate has expired (tls.cert)'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'the carrier does not know the authority of our certificate (tls.cert)'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'the carrier does not speak TLS at this port'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'the carrier speaks no version of TLS that is allowed here'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'the carrier speaks no version of TLS that is allowed here'],
])

/** `tlsKey`: under which key the configuration has the options of TLS, where it is not `tls`. */
export function connectionProblem(error: NodeJS.ErrnoException, tlsKey = 'tls'): string {
  const { code } = error
  if (code === undefined) return error.message
  const words = WORDS.get(code)
  if (words === undefined) return code
  return `${tlsKey === 'tls' ? words : words.replaceAll('tls.', `${tlsKey}.`)} (${code})`
}
