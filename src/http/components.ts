/** Schemas that have a name in the OpenAPI document. Each stands there once, and everything else refers to it. */
import { AccountSchema } from './schemas/accounts.js'
import { KeySchema } from './schemas/api-keys.js'
import { AuditSchema } from './schemas/audit.js'
import { BackupSchema } from './schemas/backups.js'
import { CarrierSchema } from './schemas/carriers.js'
import { ProblemSchema } from './schemas/common.js'
import { AudienceSchema, ContactSchema, ImportSchema } from './schemas/contacts.js'
import { DropCredentialSchema } from './schemas/drop-credentials.js'
import { DropSchema } from './schemas/drops.js'
import { ErasureSchema } from './schemas/erasures.js'
import { ExplainSchema } from './schemas/explain.js'
import { InboundSchema } from './schemas/inbound.js'
import { CountsSchema, JobSchema, JobSettingsSchema, PreviewRowSchema, PreviewSchema } from './schemas/jobs.js'
import { MessageSchema } from './schemas/messages.js'
import { AccountMoneySchema, BalanceSchema, UsageSchema } from './schemas/money.js'
import { RecordingSchema } from './schemas/recordings.js'
import { EventSchema, RuleSchema } from './schemas/rule-events.js'
import { ImportReportSchema, SuppressionSchema } from './schemas/suppressions.js'
import { ProfileSchema, TemplateSchema } from './schemas/templates.js'
import { WebhookSchema } from './schemas/webhooks.js'

export const COMPONENTS: Readonly<Record<string, object>> = {
  Account: AccountSchema,
  ApiKey: KeySchema,
  AccountMoney: AccountMoneySchema,
  AuditRecord: AuditSchema,
  Audience: AudienceSchema,
  Backup: BackupSchema,
  Balance: BalanceSchema,
  Carrier: CarrierSchema,
  Contact: ContactSchema,
  Counts: CountsSchema,
  Drop: DropSchema,
  DropCredential: DropCredentialSchema,
  Erasure: ErasureSchema,
  Event: EventSchema,
  Explain: ExplainSchema,
  Import: ImportSchema,
  Inbound: InboundSchema,
  Job: JobSchema,
  JobSettings: JobSettingsSchema,
  Message: MessageSchema,
  Preview: PreviewSchema,
  PreviewRow: PreviewRowSchema,
  Problem: ProblemSchema,
  Profile: ProfileSchema,
  Recording: RecordingSchema,
  Rule: RuleSchema,
  Suppression: SuppressionSchema,
  SuppressionImport: ImportReportSchema,
  Template: TemplateSchema,
  Usage: UsageSchema,
  Webhook: WebhookSchema,
}
