/** `trunkline jobs`: the list of jobs, or one of them. */
import type { JobView, Page } from '../engine/contract/api.js'
import { JOB_STATES } from '../engine/contract/job.js'
import { ApiClient } from './client.js'
import {
  type Command,
  clientHelp,
  clientOptions,
  listQuery,
  type OptionTable,
  readArguments,
  targetOf,
} from './command.js'
import { sentOf, summary } from './job-view.js'
import { print, printJson, table } from './output.js'

const options: OptionTable = {
  ...clientOptions,
  state: { type: 'string' },
  parent: { type: 'string' },
  limit: { type: 'string' },
}

export const jobs: Command = {
  help: `Usage: trunkline jobs [JOB_ID] [options]

  --state STATE    only jobs in this state: ${JOB_STATES.join(', ')}
  --parent JOB_ID  only the runs of this recurring job
  --limit N        at most so many (default 20)
${clientHelp}

Example:
  trunkline jobs --state running`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const query = listQuery(values, JOB_STATES, ['parent'])
    const client = new ApiClient(targetOf(values))
    const isJson = values.json === true
    const id = positionals[0]
    if (id !== undefined) {
      const job = await client.json<JobView>('GET', `/v1/jobs/${encodeURIComponent(id)}`)
      if (isJson) printJson(job)
      else print(summary(job))
      return 0
    }
    const page = await client.json<Page<JobView>>('GET', `/v1/jobs?${query}`)
    if (isJson) printJson(page)
    else print(page.items.length === 0 ? 'no jobs' : listing(page.items))
    return 0
  },
}

function listing(items: JobView[]): string {
  const recurs = items.some(({ runs }) => runs != null)
  const header = ['id', 'name', 'state', 'rows', 'accepted', 'sent', 'delivered', 'created']
  return table(
    recurs ? [...header, 'runs', 'next run'] : header,
    items.map(({ id, name, state, counts, createdAt, runs, nextRunAt }) => [
      id,
      name ?? '',
      state,
      counts.rows,
      counts.accepted,
      sentOf(counts),
      counts.delivered,
      createdAt,
      ...(recurs ? [runs ?? '', nextRunAt ?? ''] : []),
    ]),
  )
}
