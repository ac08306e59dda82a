/**
 * One engine per data directory. The lock is a listening socket: the kernel lets go of it at any death, kill -9 included,
 * so nothing has to be cleaned up. On Linux its name is abstract (device and inode of the directory); elsewhere it is a
 * socket file, taken over when nobody answers on it. Main thread.
 */
import { rmSync, statSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { EngineError } from './contract/errors.js'

export interface DataLock {
  release(): Promise<void>
}

/** @throws EngineError CONFIG_INVALID when another engine holds the directory. */
export async function lockDataDir(dataDir: string): Promise<DataLock> {
  if (process.platform !== 'linux') return await lockByFile(dataDir)
  const { dev, ino } = statSync(dataDir)
  const server = await listen(`\0trunkline-${dev}-${ino}`)
  if (server === null) throw held(dataDir)
  return lockOf(server)
}

function held(dataDir: string): EngineError {
  return new EngineError('CONFIG_INVALID', `Another engine is running on the data directory ${path.resolve(dataDir)}.`)
}

function lockOf(server: net.Server): DataLock {
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

/** null: the name is taken. */
function listen(name: string): Promise<net.Server | null> {
  const server = net.createServer((socket) => socket.destroy())
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(error)
    })
    server.listen({ path: name, exclusive: true }, () => resolve(server))
  })
}

async function lockByFile(dataDir: string): Promise<DataLock> {
  const file = path.join(dataDir, 'engine.sock')
  let server = await listen(file)
  if (server === null && !(await answers(file))) {
    rmSync(file, { force: true })
    server = await listen(file)
  }
  if (server === null) throw held(dataDir)
  return lockOf(server)
}

function answers(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(file)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
