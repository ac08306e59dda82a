/** The carriers of a route: plain names in order of preference, or with an order and a weight of their own. */
import { type Static, Type } from 'typebox'

export const RouteCarrierSchema = Type.Union(
  [
    Type.String({ minLength: 1 }),
    Type.Object(
      {
        id: Type.String({ minLength: 1, description: 'Name of the carrier.' }),
        order: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 100,
            description: 'Lower is preferred; the next order takes over when no carrier of a lower one is up.',
          }),
        ),
        weight: Type.Optional(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 1_000_000,
            description: 'Share of the parts among carriers of the same order; absent: 1.',
          }),
        ),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'A carrier by name, or `{id, order, weight}`.' },
)
export type RouteCarrierConfig = Static<typeof RouteCarrierSchema>

export function carrierId(carrier: RouteCarrierConfig): string {
  return typeof carrier === 'string' ? carrier : carrier.id
}

/**
 * Names alone stand in order of preference. As soon as one carrier has a weight, all without an order of their own share
 * the traffic by weight.
 */
export function routeCarriers(
  carriers: readonly RouteCarrierConfig[],
): { id: string; order: number; weight: number }[] {
  const isShared = carriers.some((carrier) => typeof carrier !== 'string' && carrier.weight !== undefined)
  return carriers.map((carrier, index) => {
    const { order = isShared ? 1 : index + 1, weight = 1 } = typeof carrier === 'string' ? {} : carrier
    return { id: carrierId(carrier), order, weight }
  })
}

/** Names in order of preference: of equal order the heaviest first. */
export function preferredIds(carriers: readonly RouteCarrierConfig[]): string[] {
  return routeCarriers(carriers)
    .sort((left, right) => left.order - right.order || right.weight - left.weight)
    .map(({ id }) => id)
}
