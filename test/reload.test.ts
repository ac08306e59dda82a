import t from 'tap'
import { applyReload, planReload } from '../src/cli/reload.js'
import { parseConfig } from '../src/engine/config/load.js'
import type { CarrierPatch, CarrierView } from '../src/engine/contract/channel.js'

function config(text: string) {
  return parseConfig(text, { name: 'test.yaml', folder: '.', env: {} })
}
const CARRIER = 'carriers: [{ id: acme, protocol: smpp, host: a.example, systemId: x'

t.test('a changed rate, window or number of binds is applied live, and nothing else is needed', async (t) => {
  const reload = planReload(
    config(`${CARRIER}, window: 10 }]`),
    config(`${CARRIER}, window: 20, ratePerSecond: 5, binds: 2 }]`),
  )
  t.same(reload.waiting, [])
  const applied: [string, CarrierPatch][] = []
  const line = await applyReload(reload, async (id, change) => {
    applied.push([id, change])
    return {} as CarrierView
  })
  t.same(applied, [['acme', { ratePerSecond: 5, window: 20, binds: 2 }]])
  t.equal(line, 'changed live: acme')
})

t.test('a rate that is taken out of the file is taken off the carrier', (t) => {
  const reload = planReload(config(`${CARRIER}, ratePerSecond: 5 }]`), config(`${CARRIER} }]`))
  t.equal(reload.patches.get('acme')?.ratePerSecond, null)
  t.end()
})

t.test('what cannot change under traffic is named', (t) => {
  const after = `logLevel: warn\n${CARRIER}, port: 99 }, { id: other, protocol: smpp, host: b.example, systemId: x }]`
  t.same(planReload(config(`${CARRIER} }]`), config(after)).waiting, [
    'carrier acme: port',
    'carrier other is new',
    'logLevel differs',
  ])
  t.same(planReload(config(`${CARRIER} }]`), config('')).waiting, ['carrier acme is gone'])
  t.equal(planReload(config(`${CARRIER} }]`), config(`${CARRIER} }]`)).patches.size, 0)
  t.end()
})
