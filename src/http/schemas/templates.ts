/** Bodies and answers of /v1/templates and /v1/profiles. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { nullable, strict, Timestamp, text } from './common.js'
import { settings, Text } from './jobs.js'
import { Language, Prompts } from './voice.js'

export const NameParams = Type.Object({ name: Type.String({ description: 'Name, percent-encoded.' }) })

const Keyword = text('What rows of a keyword column name it by, such as #001; unique in the account.', 64)
const Subject = text('Subject of an email.', 998)
const Html = text('Body of an email.', limits.fieldBytes)
const Description = text('For people.', 1024)

export const TemplatePutSchema = Type.Object(
  {
    text: Text,
    keyword: Type.Optional(nullable(Keyword)),
    subject: Type.Optional(nullable(Subject)),
    html: Type.Optional(nullable(Html)),
    prompts: Type.Optional(nullable(Prompts)),
    language: Type.Optional(nullable(Language)),
    description: Type.Optional(nullable(Description)),
  },
  { ...strict, description: 'A saved text. It replaces what had this name.' },
)

export const TemplateSchema = Type.Object(
  {
    name: Type.String(),
    text: Type.String(),
    keyword: nullable(Type.String()),
    subject: nullable(Type.String()),
    html: nullable(Type.String()),
    prompts: nullable(Prompts),
    language: nullable(Type.String()),
    description: nullable(Type.String()),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { description: 'The template.' },
)

export const TemplateCopySchema = Type.Object({ name: text('Name of the copy.', 64) }, strict)

const FilePattern = text('Name of a dropped file, with * for any characters and ? for one.', 255)
const { profile: _profile, ...jobSettings } = settings
const saved = {
  ...jobSettings,
  filePattern: Type.Optional(
    Type.Union([FilePattern, Type.Array(FilePattern, { maxItems: 50 })], {
      description:
        'Files that it serves, e.g. clinic-*.csv, in any case; the pattern that says most about a name wins.',
    }),
  ),
}
export const ProfilePutSchema = Type.Object(saved, {
  ...strict,
  description:
    'Settings as a job has them; the text may be left to the job. They replace what had this name. The profile named ' +
    '`default` serves dropped files that no pattern fits.',
})

/** As it is shown. */
export const ProfileSettingsSchema = Type.Object(saved)

export const ProfileSchema = Type.Object(
  { name: Type.String(), settings: ProfileSettingsSchema, createdAt: Timestamp, updatedAt: Timestamp },
  { description: 'The profile.' },
)
