/**
 * Names of header fields: known ones with their usual capitals, and the compact forms of RFC 3261 §7.3.3 and later RFCs.
 * Within the process a name is in lower case and long.
 */
const KNOWN = [
  ...['Accept', 'Accept-Contact', 'Accept-Encoding', 'Accept-Language', 'Alert-Info', 'Allow', 'Allow-Events'],
  ...['Authentication-Info', 'Authorization', 'Call-ID', 'Call-Info', 'Contact', 'Content-Disposition'],
  ...['Content-Encoding', 'Content-Language', 'Content-Length', 'Content-Type', 'CSeq', 'Date', 'Error-Info', 'Event'],
  ...['Expires', 'From', 'Identity', 'In-Reply-To', 'Info-Package', 'Max-Forwards', 'MIME-Version', 'Min-Expires'],
  ...['Min-SE', 'Organization', 'P-Asserted-Identity', 'P-Preferred-Identity', 'P-Early-Media', 'Path', 'Priority'],
  ...['Privacy', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Require', 'RAck', 'Reason', 'Record-Route'],
  ...['Recv-Info', 'Refer-To', 'Referred-By', 'Reject-Contact', 'Replaces', 'Reply-To', 'Request-Disposition'],
  ...['Require', 'Retry-After', 'Route', 'RSeq', 'Server', 'Service-Route', 'Session-Expires', 'SIP-ETag'],
  ...['SIP-If-Match', 'Subject', 'Subscription-State', 'Supported', 'Timestamp', 'To', 'Unsupported', 'User-Agent'],
  ...['Via', 'Warning', 'WWW-Authenticate'],
]

const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
}

/** As received in the usual ways → lower case and long: most names are found at once. */
const names = new Map<string, string>([
  ...KNOWN.map((name): [string, string] => [name, name.toLowerCase()]),
  ...KNOWN.map((name): [string, string] => [name.toLowerCase(), name.toLowerCase()]),
  ...Object.entries(COMPACT),
])
const written = new Map(KNOWN.map((name): [string, string] => [name.toLowerCase(), name]))

/** Lower case and long. */
export function headerName(received: string): string {
  const known = names.get(received)
  if (known !== undefined) return known
  const lower = received.toLowerCase()
  return names.get(lower) ?? lower
}

/** As it is written to peers: `call-id` → `Call-ID`, `x-office` → `X-Office`. */
export function writtenName(name: string): string {
  return written.get(name) ?? name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
