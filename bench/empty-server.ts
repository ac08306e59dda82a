/** Fastify with one route that reads a JSON body and answers with one: the ceiling of what stands on it. */
import Fastify from 'fastify'

const app = Fastify({ logger: false, bodyLimit: 8 << 20 })
app.post('/', (_request, reply) => {
  reply.code(202).send({ id: 'msg_00000000000', state: 'queued', to: '+447400000000', parts: 1 })
})
await app.listen({ host: '127.0.0.1', port: 0 })
const address = app.server.address()
process.send!(typeof address === 'object' && address !== null ? address.port : 0)
