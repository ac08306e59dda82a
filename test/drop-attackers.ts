/** Everything that a client can ask with a path, over FTP and over SFTP; each gives back all that came from the server. */
import ssh2, { type SFTPWrapper } from 'ssh2'
import { PASSWORD, type SiteStand } from './drop-site-stand.js'
import { FtpTalk } from './ftp-talk.js'

export interface Attacker {
  protocol: string
  /** Never throws; what the server said and sent. */
  operations: Readonly<Record<string, (path: string) => Promise<string>>>
  /** The session still works. */
  isServed(): Promise<boolean>
  close(): void
}

const PLANTED = 'planted by an attacker\n'

export async function ftpAttacker(stand: SiteStand): Promise<Attacker> {
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
  /** One line to the server is one command, whatever is in the path. */
  const ask = async (verb: string, path: string): Promise<string> => {
    const octets = Buffer.from(`${verb} ${path}\r\n`)
    const commands = octets.toString().split('\n').length - 1
    talk.send(octets)
    let text = ''
    for (let count = 0; count < commands; count++) text += (await talk.answer()).text
    return text
  }
  /** Transfers only of paths that are one line: the rest is answered by `ask` as commands without data. */
  const get = async (verb: string, path: string): Promise<string> => {
    if (path.includes('\n')) return await ask(verb, path)
    const { text, content } = await talk.get(`${verb} ${path}`, true)
    return text + content.toString('latin1')
  }
  const put = async (verb: string, path: string): Promise<string> => {
    if (path.includes('\n')) return await ask(verb, path)
    return (await talk.put(`${verb} ${path}`, PLANTED, true)).text
  }
  const from = async (path: string): Promise<string> => (await ask('RNFR', path)) + (await ask('RNTO', 'taken.csv'))
  const to = async (path: string): Promise<string> => {
    await talk.put('STOR mine.csv', PLANTED, true)
    return (await ask('RNFR', 'mine.csv')) + (await ask('RNTO', path))
  }
  return {
    protocol: 'FTP',
    operations: {
      ...{ RETR: (path) => get('RETR', path), LIST: (path) => get('LIST', path), NLST: (path) => get('NLST', path) },
      ...{ MLSD: (path) => get('MLSD', path), STOR: (path) => put('STOR', path), APPE: (path) => put('APPE', path) },
      ...{ STOU: (path) => put('STOU', path), RNFR: from, RNTO: to },
      ...Object.fromEntries(
        ['SIZE', 'MDTM', 'MLST', 'DELE', 'MKD', 'RMD', 'STAT'].map((verb) => [verb, (path: string) => ask(verb, path)]),
      ),
      CWD: async (path) => {
        const went = await ask('CWD', path)
        const listed = await get('LIST', '')
        return went + listed + (await ask('CWD', '/'))
      },
    },
    isServed: async () => (await talk.ask('PWD')).code === 257,
    close: () => talk.close(),
  }
}

/** A call of ssh2's client as a promise of text; an error is text as well. */
function settled(call: (done: (error: unknown, ...values: unknown[]) => void) => void): Promise<string> {
  return new Promise((resolve) => {
    try {
      call((error, ...values) => resolve(error ? String(error) : JSON.stringify(values)))
    } catch (error) {
      resolve(String(error))
    }
  })
}

export async function sftpAttacker(
  stand: SiteStand,
  user = 'acme',
): Promise<Attacker & { sftp: SFTPWrapper; client: ssh2.Client }> {
  const client = new ssh2.Client()
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject)
    client.connect({ host: '127.0.0.1', port: stand.sftpPort, username: user, password: PASSWORD })
  })
  client.on('error', () => {})
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, made) => (error ? reject(error) : resolve(made)))
  })
  const open = (path: string, flags: ssh2.OpenMode, work: (handle: Buffer) => Promise<string>): Promise<string> =>
    new Promise((resolve) => {
      const opened = (error: unknown, handle: Buffer): void => {
        if (error) resolve(String(error))
        else void work(handle).then((text) => sftp.close(handle, (closed) => resolve(text + String(closed))))
      }
      sftp.open(path, flags, opened)
    })
  const read = (handle: Buffer): Promise<string> =>
    new Promise((resolve) => {
      const octets = Buffer.alloc(1_000)
      sftp.read(handle, octets, 0, octets.length, 0, (error, count) =>
        resolve(error ? String(error) : octets.subarray(0, count).toString('latin1')),
      )
    })
  const write = (handle: Buffer): Promise<string> =>
    settled((done) => sftp.write(handle, Buffer.from(PLANTED), 0, PLANTED.length, 0, done))
  const mine = (): Promise<string> => open('/mine.csv', 'w', write)
  return {
    ...{ protocol: 'SFTP', sftp, client },
    operations: {
      read: (path) => open(path, 'r', read),
      write: (path) => open(path, 'w', write),
      append: (path) => open(path, 'a', write),
      exclusive: (path) => open(path, 'wx', write),
      update: (path) => open(path, 'r+', write),
      stat: (path) => settled((done) => sftp.stat(path, done)),
      lstat: (path) => settled((done) => sftp.lstat(path, done)),
      list: (path) => settled((done) => sftp.readdir(path, done)),
      realpath: (path) => settled((done) => sftp.realpath(path, done)),
      remove: (path) => settled((done) => sftp.unlink(path, done)),
      mkdir: (path) => settled((done) => sftp.mkdir(path, done)),
      rmdir: (path) => settled((done) => sftp.rmdir(path, done)),
      readlink: (path) => settled((done) => sftp.readlink(path, done)),
      chmod: (path) => settled((done) => sftp.chmod(path, 0o777, done)),
      truncate: (path) => settled((done) => sftp.setstat(path, { size: 0 } as never, done)),
      utimes: (path) => settled((done) => sftp.utimes(path, 1, 1, done)),
      linkTo: (path) => settled((done) => sftp.symlink(path, '/planted-link', done)),
      linkFrom: (path) => settled((done) => sftp.symlink('/mine.csv', path, done)),
      hardLink: (path) => settled((done) => sftp.ext_openssh_hardlink(path, '/planted-hard', done)),
      renameFrom: (path) => settled((done) => sftp.rename(path, '/taken.csv', done)),
      renameTo: async (path) => (await mine()) + (await settled((done) => sftp.rename('/mine.csv', path, done))),
      posixRename: async (path) =>
        (await mine()) + (await settled((done) => sftp.ext_openssh_rename('/mine.csv', path, done))),
    },
    isServed: async () => !(await settled((done) => sftp.stat('/', done))).startsWith('Error'),
    close: () => client.end(),
  }
}
