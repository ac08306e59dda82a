/** What the configuration says of the drop folder: where it is, and when and how its files are taken. */
import { type Static, Type } from 'typebox'
import { limits } from '../contract/limits.js'
import { DropFtpSchema } from './drop-ftp.js'
import { DropSftpSchema } from './drop-sftp.js'
import { DropSiteSchema } from './drop-site.js'

export const DropFolderSchema = Type.Object(
  {
    root: Type.String({
      minLength: 1,
      default: './drop',
      description:
        'Folder of the drop folders, one per account: ROOT/ACCOUNT with processed/ and error/ in it. A relative path counts from the working directory.',
    }),
    settleMs: Type.Integer({
      minimum: 100,
      maximum: 3_600_000,
      default: 2_000,
      description:
        'A file is taken once its size and time have not changed for so long. One that is empty or does not end with a line end may still be on its way: five times as long.',
    }),
    scanMs: Type.Integer({
      minimum: 100,
      maximum: 3_600_000,
      default: 5_000,
      description:
        'How often all folders are looked through besides: network shares tell of no changes, and what they tell may be lost.',
    }),
    filesAtOnce: Type.Integer({
      minimum: 1,
      maximum: 64,
      default: 8,
      description: 'Files that are read at once over all accounts, which take turns.',
    }),
    fileBytesMax: Type.Integer({
      minimum: 1,
      maximum: limits.uploadBytes,
      default: 10 * 1024 ** 3,
      description: 'A larger file is refused.',
    }),
    site: DropSiteSchema,
    sftp: Type.Optional(DropSftpSchema),
    ftp: Type.Optional(DropFtpSchema),
  },
  { additionalProperties: false, description: 'Drop & Go: files are sent that are put into a folder; absent: none.' },
)

export type DropFolderConfig = Static<typeof DropFolderSchema>
