/** The ways in which HTTP clients are hostile, each as what one connection does. */
import { gzipSync } from 'node:zlib'
import type { Behaviour } from './hostile-client.js'

const SLOW_MS = 10_000
const MEGABYTE = Buffer.alloc(1 << 20, 0x61)

export interface HttpKeys {
  /** Of an account that is known; the others knock without. */
  key: string
  /** A job whose report is long. */
  job: string
}

function head(method: string, path: string, fields: Record<string, string | number>): string {
  const lines = Object.entries({ Host: 'x', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** By name; a thousand of them are made by going round. */
export function hostileHttp({ key, job }: HttpKeys): Record<string, Behaviour> {
  const own = { Authorization: `Bearer ${key}` }
  const json = { ...own, 'Content-Type': 'application/json' }
  const chunked = { ...json, 'Transfer-Encoding': 'chunked' }
  const csv = { ...own, 'Content-Type': 'text/csv' }
  const deep = '['.repeat(100_000)
  const bomb = gzipSync(Buffer.alloc(8 << 20, 0x30))
  const many = (line: string) => line.repeat(1_000)
  return {
    silence: { begin: '' },
    'slow head': { begin: 'GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX: ', drip: { bytes: 'a', everyMs: SLOW_MS } },
    'endless head': {
      begin: 'GET / HTTP/1.1\r\n',
      flood: { bytes: Buffer.from('X: y\r\n'.repeat(10_000)), upTo: 1 << 20 },
    },
    'no HTTP': { begin: Buffer.from('160301020001000100', 'hex'), flood: { bytes: MEGABYTE, upTo: 1 << 20 } },
    'slow body without a key': {
      begin: head('POST', '/v1/messages', { 'Content-Type': 'application/json', 'Content-Length': 1 << 20 }),
      drip: { bytes: ' ', everyMs: SLOW_MS },
    },
    'slow body': {
      begin: `${head('POST', '/v1/messages', { ...json, 'Content-Length': 1 << 16 })}{`,
      drip: { bytes: ' ', everyMs: SLOW_MS },
    },
    'slow upload': {
      begin: `${head('POST', '/v1/jobs?profile=default', { ...csv, 'Content-Length': 1 << 30 })}to\n`,
      drip: { bytes: '1', everyMs: SLOW_MS },
    },
    'upload that breaks off': {
      begin: `${head('PUT', `/v1/jobs/${job}/recipients`, { ...csv, 'Content-Length': 1 << 30 })}to\n`,
      flood: { bytes: Buffer.from('+447712345678\n'.repeat(1_000)), upTo: 1 << 18 },
      leavesAfterMs: 500,
    },
    'huge body': {
      begin: `${head('POST', '/v1/messages', { ...json, 'Content-Length': 1 << 30 })}{"text":"`,
      flood: { bytes: MEGABYTE, upTo: 1 << 22 },
    },
    'huge body in chunks': {
      begin: head('POST', '/v1/jobs', chunked),
      flood: { bytes: Buffer.concat([Buffer.from('100000\r\n'), MEGABYTE, Buffer.from('\r\n')]), upTo: 1 << 22 },
    },
    'deep JSON': { begin: head('POST', '/v1/jobs', { ...json, 'Content-Length': deep.length }) + deep },
    bomb: {
      begin: Buffer.concat([
        Buffer.from(
          head('POST', '/v1/jobs?profile=default', {
            ...csv,
            'Content-Encoding': 'gzip',
            'Content-Length': bomb.length,
          }),
        ),
        bomb,
      ]),
    },
    'pipelined metrics that nobody reads': { begin: many('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'), deaf: true },
    'pipelined document that nobody reads': {
      begin: many('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'),
      deaf: true,
    },
    'pipelined lists that nobody reads': { begin: many(head('GET', '/v1/messages?limit=200', own)), deaf: true },
    'report that nobody reads': { begin: head('GET', `/v1/jobs/${job}/report.csv`, own), deaf: true },
    'wrong keys': { begin: many(head('GET', '/v1/jobs', { Authorization: 'Bearer wrong' })) },
    'no keys': { begin: many(head('GET', '/v1/jobs', {})) },
    'opened and left': { begin: head('GET', '/healthz', {}) },
  }
}
