/**
 * kamailio as the proxy of a carrier: asks for a digest login with 407, records the route, and hands calls on to whatever stands
 * behind it. An independent implementation between our calls and those who take them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface KamailioOptions {
  /** Of its own, in 127.0.0.0/8. */
  address: string
  /** Where calls go: `sip:host:port`, with `;transport=tcp` where it is so. */
  to: string
  /** Logins are asked for where there is one. */
  login?: { user: string; password: string; algorithm?: 'MD5' | 'SHA-256' }
  /** PEM; also listens with TLS on the port after. */
  tls?: { certificate: string; key: string }
}

export interface Kamailio {
  address: string
  /** UDP and TCP; TLS on the one after. */
  port: number
  /** What it logged: a line a request, `METHOD from ADDRESS`. */
  log(): string
}

interface Owner {
  teardown(end: () => Promise<void>): void
}

export const REALM = 'kamailio.test'
const MODULE_FOLDERS = ['/usr/lib/x86_64-linux-gnu/kamailio/modules', '/usr/lib/aarch64-linux-gnu/kamailio/modules']
const START_TRIES = 5
const ASK_MS = 50
const END_MS = 3_000

export async function startKamailio(t: Owner, options: KamailioOptions): Promise<Kamailio> {
  for (let n = 1; ; n++) {
    const port = 12_000 + 2 * Math.floor(Math.random() * 10_000)
    const kamailio = await tryStart(t, options, port)
    if (kamailio !== null) return kamailio
    if (n === START_TRIES) throw new Error('kamailio does not start')
  }
}

/** null: it ended before it answered, since its port is taken. */
async function tryStart(t: Owner, options: KamailioOptions, port: number): Promise<Kamailio | null> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-kamailio-'))
  writeFileSync(join(folder, 'kamailio.cfg'), configOf(options, port, folder))
  const args = ['-DD', '-E', '-f', join(folder, 'kamailio.cfg'), '-m', '64', '-M', '8', '-Y', folder]
  const child = spawn('/usr/sbin/kamailio', args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const exited = once(child, 'exit')
  let log = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      // Upon SIGTERM it ends its children too; now and then it waits a minute for one of them.
      const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), END_MS)
      await exited
      clearTimeout(late)
    }
    rmSync(folder, { recursive: true })
  })
  return (await answers(child, options.address, port)) ? { address: options.address, port, log: () => log } : null
}

/** True once it answers OPTIONS; false when it ends before. */
async function answers(child: ChildProcess, address: string, port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, address, resolve))
  const own = `${address}:${socket.address().port}`
  const request = [
    `OPTIONS sip:${address}:${port} SIP/2.0`,
    `Via: SIP/2.0/UDP ${own};branch=z9hG4bKready;rport`,
    ...['Max-Forwards: 70', `From: <sip:test@${own}>;tag=ready`, `To: <sip:${address}:${port}>`],
    ...[`Call-ID: ready@${own}`, 'CSeq: 1 OPTIONS', 'Content-Length: 0', '', ''],
  ].join('\r\n')
  const ask = (): void => socket.send(request, port, address)
  const timer = setInterval(ask, ASK_MS)
  socket.on('error', () => {})
  ask()
  const result = await Promise.race([once(socket, 'message').then(() => true), once(child, 'exit').then(() => false)])
  clearInterval(timer)
  socket.close()
  return result
}

function configOf({ address, to, login, tls }: KamailioOptions, port: number, folder: string): string {
  const modules = ['tm', 'tmx', 'sl', 'rr', 'pv', 'maxfwd', 'textops', 'siputils', 'xlog', 'auth']
  if (tls !== undefined) {
    writeFileSync(join(folder, 'cert.pem'), tls.certificate)
    writeFileSync(join(folder, 'key.pem'), tls.key)
  }
  return `#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
dns=no
rev_dns=no
disable_core_dump=yes
listen=udp:${address}:${port}
listen=tcp:${address}:${port}
${tls === undefined ? '' : `enable_tls=yes\nlisten=tls:${address}:${port + 1}`}
mpath="${MODULE_FOLDERS.find((path) => existsSync(path)) ?? ''}"
${tls === undefined ? '' : 'loadmodule "tls.so"'}
${modules.map((name) => `loadmodule "${name}.so"`).join('\n')}
${tls === undefined ? '' : `modparam("tls", "certificate", "${join(folder, 'cert.pem')}")`}
${tls === undefined ? '' : `modparam("tls", "private_key", "${join(folder, 'key.pem')}")`}
modparam("auth", "nonce_expire", 300)
modparam("auth", "algorithm", "${login?.algorithm === 'SHA-256' ? 'SHA-256' : ''}")
modparam("rr", "enable_full_lr", 1)

request_route {
  xlog("L_ERR", "SEEN $rm from $si:$sp over $proto\\n");
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && !has_totag()) { sl_send_reply("200", "OK"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  t_check_trans();
${login === undefined ? '' : loginRoute(login)}
  if (is_method("REGISTER")) { append_to_reply("Contact: $ct;expires=60\\r\\n"); sl_send_reply("200", "OK"); exit; }
  record_route();
  $du = "${to}";
  if (!t_relay()) { sl_reply_error(); }
  exit;
}
`
}

function loginRoute({ user, password }: NonNullable<KamailioOptions['login']>): string {
  return `
  if (is_method("REGISTER")) {
    if (!pv_www_authenticate("${REALM}", "${password}", "0") || $au != "${user}") { www_challenge("${REALM}", "1"); exit; }
  } else if (!pv_proxy_authenticate("${REALM}", "${password}", "0") || $au != "${user}") {
    proxy_challenge("${REALM}", "1");
    exit;
  }
  consume_credentials();`
}
