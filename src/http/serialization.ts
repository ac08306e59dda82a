/** Answers are written by their schemas, so that a field that no schema names is not sent. Main thread. */
import Fastify from 'fastify'
import type { FastifySerializerCompiler } from 'fastify/types/schema.js'

/**
 * Fastify's own compiler of serializers, asked when a route first answers: to compile all of them at start took most of a
 * second on a busy machine, and most are never used. It can be had of an instance that has compiled one.
 */
export async function lazySerializers(): Promise<FastifySerializerCompiler<unknown>> {
  const bare = Fastify()
  bare.get('/', { schema: { response: { 200: { type: 'null' } } } }, () => null)
  await bare.ready()
  const compile = bare.serializerCompiler!
  return (part) => {
    let write: ReturnType<typeof compile> | null = null
    return (data) => {
      write ??= compile(part)
      return write(data)
    }
  }
}
