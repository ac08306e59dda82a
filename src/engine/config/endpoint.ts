/** `name`, `name:port` or `[address]:port` as a carrier's `hosts` has them. */
export interface Endpoint {
  host: string
  port: number
}

/** The text fits the schema's pattern; a port beyond 65535 is the caller's to refuse. */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const match = /^(\[[^\]]+\]|[^:]+)(?::([0-9]+))?$/.exec(text)
  const host = match?.[1] ?? text
  return {
    host: host.startsWith('[') ? host.slice(1, -1) : host,
    port: match?.[2] === undefined ? defaultPort : Number(match[2]),
  }
}
