/**
 * SIPp as the caller (UAC): scenarios put together of steps, each run a process whose exit code is 0 only when every call went
 * exactly as its scenario says.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HEAD = `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Caller" <sip:caller@[local_ip]:[local_port]>;tag=[pid]T[call_number]
Call-ID: [call_id]
Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70`

const SDP = `Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 96
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000`

const EMPTY = 'Content-Length: 0\n'

function sent(text: string, isRepeated: boolean): string {
  return `<send${isRepeated ? ' retrans="500"' : ''}><![CDATA[\n\n${text}\n\n]]></send>`
}

/** The INVITE; `more`: further header fields, such as `Supported: 100rel` or `[authentication …]`. */
export function invite(more = '', sequence = 1): string {
  const line = `INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n${HEAD}`
  const to = 'To: <sip:[service]@[remote_ip]:[remote_port]>'
  return sent([line, to, `CSeq: ${sequence} INVITE`, ...(more === '' ? [] : [more]), SDP].join('\n'), true)
}

/** Within the call. */
export function request(method: string, sequence: number, more = ''): string {
  const to = 'To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]'
  const lines = [`${method} [next_url] SIP/2.0\n${HEAD}`, to, '[routes]', `CSeq: ${sequence} ${method}`]
  return sent([...lines, ...(more === '' ? [] : [more]), EMPTY].join('\n'), method !== 'ACK')
}

/** CANCEL and the ACK of a refusal go where the INVITE went, with its branch. */
export function beside(method: 'CANCEL' | 'ACK', sequence = 1): string {
  const head = HEAD.replace('[branch]', '[branch-of-invite]')
  const to = `To: <sip:[service]@[remote_ip]:[remote_port]>${method === 'ACK' ? '[peer_tag_param]' : ''}`
  const line = `${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n${head}`
  return sent([line, to, `CSeq: ${sequence} ${method}`, EMPTY].join('\n'), method === 'CANCEL')
}

/** 200 to the request that came last. */
export function accept(body = ''): string {
  const copied = ['[last_Via:]', '[last_From:]', '[last_To:]', '[last_Call-ID:]', '[last_CSeq:]']
  const contact = 'Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>'
  return sent(['SIP/2.0 200 OK', ...copied, contact, body === '' ? EMPTY : SDP].join('\n'), false)
}

export function receive(status: number, options = ''): string {
  return `<recv response="${status}" rrs="true" ${options}/>`
}

export function receiveRequest(method: string): string {
  return `<recv request="${method}" timeout="15000"/>`
}

export const provisional = receive(100, 'optional="true"') + receive(180, 'optional="true"')

export function pause(ms: number): string {
  return `<pause milliseconds="${ms}"/>`
}

export interface SippRun {
  /** Its own, in 127.0.0.0/8. */
  address: string
  to: { address: string; port: number }
  number: string
  steps: readonly string[]
  calls?: number
  perSecond?: number
  transport?: 'udp' | 'tcp'
}

/** SIPp names the branch of an earlier message by how many elements lie between. */
function scenario(steps: readonly string[]): string {
  let index = -1
  let invited = 0
  const element = /<(?:send|recv|pause|nop)\b[\s\S]*?(?=<(?:send|recv|pause|nop)\b|$)/g
  const elements = steps.join('').replace(element, (text) => {
    index++
    if (text.includes('\nINVITE ')) invited = index
    return `${text.replaceAll('[branch-of-invite]', `[branch-${index - invited}]`)}\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="caller">\n${elements}</scenario>\n`
}

export interface SippResult {
  code: number | null
  /** What it says went wrong. */
  errors: string
}

export async function runSipp(run: SippRun): Promise<SippResult> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-sipp-'))
  const file = join(folder, 'caller.xml')
  writeFileSync(file, scenario(run.steps))
  const { calls = 1, perSecond = 20, transport = 'udp' } = run
  const args = [
    ...[
      '-sf',
      file,
      '-i',
      run.address,
      '-mi',
      run.address,
      '-s',
      run.number,
      '-m',
      String(calls),
      '-r',
      String(perSecond),
    ],
    ...['-t', transport === 'udp' ? 'u1' : 't1', '-nostdin', '-trace_err', '-timeout', '60', '-timeout_error'],
    ...['-max_invite_retrans', '12', '-max_non_invite_retrans', '12'],
    `${run.to.address}:${run.to.port}`,
  ]
  const child = spawn('sipp', args, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  const errors = readdirSync(folder)
    .filter((name) => name.endsWith('_errors.log'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
  rmSync(folder, { recursive: true })
  return { code, errors: errors.join('\n') }
}
