/**
 * Messages after the descriptions of RFC 4475 (SIP torture tests), written anew: valid ones that look odd, and broken ones.
 * Lines end with CRLF where this file has LF.
 */

function lines(text: string): Buffer {
  return Buffer.from(text.replace(/^\n/, '').replaceAll('\n', '\r\n'), 'utf8')
}

const offer = `v=0
o=office 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0 12
a=rtpmap:31 LPC
`
const offerLength = offer.replaceAll('\n', '\r\n').length

function request(start: string, fields: string, body = ''): Buffer {
  const length = Buffer.byteLength(body.replaceAll('\n', '\r\n'))
  return lines(`${start}\n${fields.trim()}\nContent-Length: ${length}\n\n${body}`)
}

/** The fields that a request needs, but those that are given by themselves. */
export function usual(cseq: string, without: string[] = []): string {
  const fields = [
    'Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw',
    'Max-Forwards: 70',
    'From: <sip:caller@example.net>;tag=3413an89KU',
    'To: <sip:callee@example.com>',
    'Call-ID: usual.0ha0isndaksdj@192.0.2.1',
    `CSeq: ${cseq}`,
  ]
  return fields.filter((field) => !without.includes(field.slice(0, field.indexOf(':')))).join('\n')
}

const manyVias = Array.from(
  { length: 33 },
  (_, n) =>
    `v: SIP/2.0/TCP sip${33 - n}.example.com;received=192.0.2.${n};branch=z9hG4bK${n}very-long-branch-${'x'.repeat(80)}`,
).join('\n')

export const valid: Readonly<Record<string, Buffer>> = {
  // §3.1.1.1
  'odd white space, folds and compact names': lines(`
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : ${offerLength}
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

${offer}`),
  // §3.1.1.2
  'every character that is allowed where it is allowed': request(
    "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
    `
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+\`'~
To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~\` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="работающий";tag=_token~1'+\`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word\`~)(><:\\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+\`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_\`'~:\ufeff大停電`,
  ),
  // §3.1.1.3
  'escapes in URIs': request(
    'INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0',
    `
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>`,
    offer,
  ),
  // §3.1.1.4
  'an escaped NUL in a URI': request(
    'REGISTER sip:example.com SIP/2.0',
    `
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>`,
  ),
  // §3.1.1.5
  'percent signs that are no escapes': request(
    'RE%47IST%45R sip:registrar.example.com SIP/2.0',
    `
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;rport;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>`,
  ),
  // §3.1.1.6
  'no space between the name and the bracket': request(
    'OPTIONS sip:user@example.com SIP/2.0',
    `
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw`,
  ),
  // §3.1.1.7
  'very long values': request(
    'INVITE sip:user@example.com SIP/2.0',
    `
To: "I have a user name of ${'extreme '.repeat(40)}proportion" <sip:user@example.com:6000;unknownparam1=very${'long'.repeat(80)}value;longparam${'name'.repeat(40)}=shortvalue>
F: sip:${'amazinglylong'.repeat(20)}@example.net;tag=12982${'982424'.repeat(30)}
Call-ID: longreq.one${'really'.repeat(60)}longcallid
CSeq: 3882340 INVITE
Unknown-${'Long-'.repeat(40)}Name: unknown-${'long-'.repeat(60)}value
${manyVias}
Max-Forwards: 70
Contact: <sip:${'amazinglylong'.repeat(20)}@host5.example.net>
Content-Type: application/sdp`,
    offer,
  ),
  // §3.1.1.8
  'more in the datagram than the message': Buffer.concat([
    request(
      'REGISTER sip:example.com SIP/2.0',
      `
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492`,
    ),
    lines('\nINVITE sip:joe@example.com SIP/2.0\nt: sip:joe@example.com\n\n'),
  ]),
  // §3.1.1.9
  'a semicolon in the user part': request(
    'OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0',
    `
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime, multipart/mixed, multipart/signed, message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw`,
  ),
  // §3.1.1.10
  'transports of every kind': request(
    'OPTIONS sip:user@example.com SIP/2.0',
    `
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bK0a9idfnee`,
  ),
  // §3.1.1.11
  'a body of several parts, one of them octets': (() => {
    const body = Buffer.concat([
      lines(
        '--7a9cbec02ceef655\nContent-Type: text/plain\nContent-Transfer-Encoding: binary\n\nHello\n--7a9cbec02ceef655\n\n',
      ),
      Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
      lines('\n--7a9cbec02ceef655--\n'),
    ])
    const head = `MESSAGE sip:kumiko@example.org SIP/2.0\n${usual('1 MESSAGE')}\nContent-Type: multipart/mixed;boundary=7a9cbec02ceef655\nContent-Length: ${body.length}\n\n`
    return Buffer.concat([lines(head), body])
  })(),
  // §3.1.1.12
  'a reason phrase of other scripts and signs': request(
    'SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое',
    `${usual('35 INVITE')}\nContact: <sip:user@host198.example.com>`,
  ),
  // §3.1.1.13
  'no reason phrase': request('SIP/2.0 100 ', usual('35 INVITE')),
  'no space behind the status': request('SIP/2.0 180', usual('35 INVITE')),
  // §3.3.8, §3.3.12 and others of the application's concern: they are messages all the same.
  'a scheme that nobody knows': request(
    'OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0',
    usual('3923423 OPTIONS'),
  ),
  'a scheme with a dot and slashes': request('OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0', usual('3923423 OPTIONS')),
  'schemes that nobody knows in From and To': request(
    'REGISTER sip:example.com SIP/2.0',
    `${usual('234902 REGISTER', ['From', 'To'])}
To: isbn:2983792873
From: <http://www.example.com>;tag=3234233
Contact: <name:John_Smith>`,
  ),
  'an authorization of a scheme that nobody knows': request(
    'REGISTER sip:example.com SIP/2.0',
    `${usual('9338 REGISTER')}\nAuthorization: NoOneKnowsThisScheme opaque-data=here`,
  ),
  'no hops left': request(
    'OPTIONS sip:user@example.com SIP/2.0',
    `${usual('39234321 OPTIONS', ['Max-Forwards'])}\nMax-Forwards: 0`,
  ),
  'an escaped header within a contact': request(
    'REGISTER sip:example.com SIP/2.0',
    `${usual('14398234 REGISTER')}\nM: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>`,
  ),
  'a Via without a branch, as RFC 2543 had it': request(
    'INVITE sip:UserB@example.com SIP/2.0',
    `${usual('8 INVITE', ['Via', 'Max-Forwards'])}\nVia: SIP/2.0/UDP iftgw.example.com\nRecord-Route: <sip:UserB@example.com;maddr=ss1.example.com>`,
    offer,
  ),
  'a time zone that is not GMT': request(
    'INVITE sip:user@example.com SIP/2.0',
    `${usual('392934 INVITE')}\nDate: Fri, 01 Jan 2010 16:00:00 EST`,
  ),
}

/** With the status that a request is answered with; 0: it is dropped. */
export const broken: Readonly<Record<string, { bytes: Buffer; status: number }>> = {
  // §3.1.2.1 to §3.1.2.19
  'separators without anything between them': {
    bytes: request(
      'INVITE sip:user@example.com SIP/2.0',
      `${usual('8 INVITE', ['Via'])}\nContact: "Joe" <sip:joe@example.org>;;;;\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,`,
    ),
    status: 0,
  },
  'a contact with nothing between its semicolons': {
    bytes: request(
      'INVITE sip:user@example.com SIP/2.0',
      `${usual('8 INVITE')}\nContact: "Joe" <sip:joe@example.org>;;;;`,
    ),
    status: 400,
  },
  'a Content-Length that is too large': {
    bytes: lines(`INVITE sip:user@example.com SIP/2.0\n${usual('8 INVITE')}\nContent-Length: 9999\n\n${offer}`),
    status: 400,
  },
  'a Content-Length below zero': {
    bytes: lines(`INVITE sip:user@example.com SIP/2.0\n${usual('8 INVITE')}\nContent-Length: -999\n\n${offer}`),
    status: 400,
  },
  'numbers that overflow in a request': {
    bytes: request('REGISTER sip:example.com SIP/2.0', `${usual('36893488147419103232 REGISTER')}\nMax-Forwards: 300`),
    status: 400,
  },
  'more hops than there are': {
    bytes: request('OPTIONS sip:example.com SIP/2.0', `${usual('3 OPTIONS', ['Max-Forwards'])}\nMax-Forwards: 300`),
    status: 400,
  },
  'numbers that overflow in a response': {
    bytes: request(
      'SIP/2.0 503 Service Unavailable',
      `${usual('9292394834772304023312 OPTIONS')}\nRetry-After: 949302838503028349304023988`,
    ),
    status: 0,
  },
  'a quote that is never closed': {
    bytes: request(
      'INVITE sip:user@example.com SIP/2.0',
      `${usual('8 INVITE', ['To'])}\nTo: "Mr. J. User <sip:j.user@example.com>`,
    ),
    status: 400,
  },
  'angle brackets around the Request-URI': {
    bytes: request('INVITE <sip:user@example.com> SIP/2.0', usual('1 INVITE')),
    status: 400,
  },
  'white space within the Request-URI': {
    bytes: request('INVITE sip:user@example.com; lr SIP/2.0', usual('1 INVITE')),
    status: 400,
  },
  'two spaces in the request line': {
    bytes: request('INVITE  sip:user@example.com  SIP/2.0', usual('1 INVITE')),
    status: 400,
  },
  'spaces behind the request line': {
    bytes: request('OPTIONS sip:user@example.com SIP/2.0  ', usual('1 OPTIONS')),
    status: 400,
  },
  'header fields in the Request-URI': {
    bytes: request('INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0', usual('1 INVITE')),
    status: 400,
  },
  'a contact with a question mark and no brackets': {
    bytes: request(
      'REGISTER sip:example.com SIP/2.0',
      `${usual('1 REGISTER')}\nContact: sip:user@example.com?Route=%3Csip:sip.example.com%3E`,
    ),
    status: 400,
  },
  'a comma in a name without quotes': {
    bytes: request(
      'OPTIONS sip:example.org SIP/2.0',
      `${usual('1 OPTIONS', ['From'])}\nFrom: Bell, Alexander <sip:a.g.bell@example.com>;tag=43`,
    ),
    status: 400,
  },
  'another version': { bytes: request('OPTIONS sip:t.watson@example.org SIP/7.0', usual('1 OPTIONS')), status: 505 },
  'a CSeq of another method': {
    bytes: request('OPTIONS sip:user@example.com SIP/2.0', usual('8 INVITE')),
    status: 400,
  },
  'an unknown method and a CSeq of another one': {
    bytes: request('NEWMETHOD sip:user@example.com SIP/2.0', usual('8 INVITE')),
    status: 400,
  },
  'a status that overflows': {
    bytes: request('SIP/2.0 4294967301 better not break the receiver', usual('8 INVITE')),
    status: 0,
  },
  // §3.3.1
  'header fields that must be there and are not': {
    bytes: request(
      'INVITE sip:user@example.com SIP/2.0',
      'CSeq: 193942 INVITE\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf',
    ),
    status: 0,
  },
  // §3.3.8, §3.3.9
  'header fields twice that may be there once': {
    bytes: request(
      'INVITE sip:user@company.com SIP/2.0',
      `${usual('5 INVITE')}\nCSeq: 59 INVITE\nCall-ID: multi01.98asdh@192.0.2.2\nTo: sip:other@example.com\nMax-Forwards: 5`,
    ),
    status: 400,
  },
  'two Content-Lengths': {
    bytes: lines(
      `OPTIONS sip:user@example.com SIP/2.0\n${usual('3 OPTIONS')}\nContent-Length: 13\nContent-Length: 5\n\nThere's no way to know how many octets`,
    ),
    status: 400,
  },
  'an ACK is never answered': { bytes: request('ACK sip:user@example.com SIP/2.0', usual('3 INVITE')), status: 0 },
  'a line that is no header field': {
    bytes: request('OPTIONS sip:user@example.com SIP/2.0', `${usual('3 OPTIONS')}\nwhat is this`),
    status: 400,
  },
  'a name of a header field with a space in it': {
    bytes: request('OPTIONS sip:user@example.com SIP/2.0', `${usual('3 OPTIONS')}\nX Y: z`),
    status: 400,
  },
  'no end of the header fields': {
    bytes: lines(`OPTIONS sip:user@example.com SIP/2.0\n${usual('3 OPTIONS')}\n`),
    status: 400,
  },
  'a carriage return alone': {
    bytes: request('OPTIONS sip:user@example.com SIP/2.0', `${usual('3 OPTIONS')}\nSubject: a\rVia: b`),
    status: 400,
  },
  HTTP: { bytes: lines('GET / HTTP/1.1\nHost: example.com\n\n'), status: 0 },
  'nothing but line ends': { bytes: lines('\n\n\n\n'), status: 0 },
}
