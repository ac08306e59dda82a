/** Paths by which somebody may try to leave the folder of an account, and names that some program somewhere stumbles over. */

/** Of the tree that nobody may touch, and of the other account, from the account's root. */
export const goals = [
  '../../outside/secret.csv',
  '../rival/waiting.csv',
  '../rival/processed/report.csv',
  '../../data/secret.csv',
]

/** The same step upwards, as it has been written to get by a check. */
const upwards: readonly string[] = [
  '..',
  './..',
  '.../..',
  '../.',
  './/..',
  'processed/../..',
  'processed/../../.',
  'error/.././..',
  'nowhere/../..',
  '..%2f',
  '%2e%2e',
  '%252e%252e',
  '..%00',
  '..%c0%af',
  '%c0%ae%c0%ae',
  '..;',
  '..\\',
  '..\\..',
  '\\..',
  '.\u200b.',
  '\u2024\u2024',
  '\uff0e\uff0e',
  '..\u2215..',
  '..\u2044..',
  '..\uff0f..',
  '\u202e..',
  '.\u0307.',
  '+AC4ALg-',
  '..\u0000',
  '..\t',
  '.. ',
  ' ..',
  '..\r',
  '..\n',
  '..\u0085',
  '\u001b[A..',
  '~',
  '~root',
  '$HOME',
  '$\u007bIFS}..',
  '`pwd`',
  '*',
  '?',
]

/** Absolute ones, and those that other systems take for such. */
function absolute(folder: string): string[] {
  const secret = `${folder}/outside/secret.csv`
  return [
    ...[
      secret,
      `/${secret}`,
      `//${secret}`,
      `/.${secret}`,
      `/..${secret}`,
      `/../..${secret}`,
      `${secret}/`,
      `${secret}/.`,
    ],
    ...[
      `${secret}\u0000.csv`,
      `${secret}%00.csv`,
      `${secret}.`,
      `${secret} `,
      `file://${secret}`,
      `ftp://localhost${secret}`,
    ],
    ...[
      `/proc/self/root${secret}`,
      `/proc/self/cwd/../..${secret}`,
      '/proc/self/environ',
      '/proc/self/fd/0',
      '/dev/stdin',
    ],
    ...['/dev/zero', '/etc/passwd', '//etc/passwd', '/etc/shadow', '\\\\server\\share\\x.csv', 'C:\\x.csv', 'C:/x.csv'],
    ...[
      `|cat ${secret}`,
      `;cat ${secret}`,
      `$(cat ${secret})`,
      `\`cat ${secret}\``,
      `x.csv && cat ${secret}`,
      `<${secret}`,
    ],
    ...[
      `../${'../'.repeat(60)}${secret.slice(1)}`,
      `${'/'.repeat(500)}${secret.slice(1)}`,
      `${'./'.repeat(500)}${secret.slice(1)}`,
    ],
    ...[`${'a/../'.repeat(200)}..${secret}`, `/processed/${'../'.repeat(30)}${secret.slice(1)}`],
  ]
}

/** Names that are long, strange, ours, or commands. */
export const names: readonly string[] = [
  ...['a'.repeat(255), 'a'.repeat(256), 'ü'.repeat(128), 'a'.repeat(3_000), 'a/'.repeat(1_000)],
  ...['.', '..', '...', '', ' ', '  ', '-', '--', '-rf', '-la', '.csv', '.hidden', 'x.csv.', 'x.csv ', ' x.csv'],
  ...[
    '.trunkline',
    '.trunkline-1.part',
    '.TRUNKLINE-1.PART',
    '.trunkline-t0.part',
    'processed',
    'error',
    'PROCESSED',
    'processed/',
    '/error/.',
  ],
  ...[
    'CON',
    'NUL',
    'aux.csv',
    'x.csv::$DATA',
    'x:y',
    'a*b',
    'a?b',
    '<x>',
    'a|b',
    '"x"',
    "'x'",
    'x;y',
    '%s%n%n',
    '%00',
    '\u0000',
  ],
  ...[
    'x\r\n226 forged',
    'x\r\nDELE y',
    'x\ry',
    'x\ny',
    '\u0001\u0002',
    '\u007f',
    '\u001b]0;x\u0007',
    '\u202egnp.csv',
    '\ufeffx.csv',
    '\ufffd',
  ],
  ...[
    'QUIT',
    'STOR x',
    'USER root',
    'ABOR',
    '__proto__',
    'constructor',
    'toString',
    'null',
    'undefined',
    'NaN',
    '1e999',
  ],
  ...[
    '=cmd|x',
    '@SUM(1)',
    '{{7*7}}',
    '$\u007b7*7}',
    '<script>',
    '../',
    '/..',
    '/...',
    '//',
    '/.//.',
    '\\',
    '\\\\',
    'a\\b.csv',
    '..\\x.csv',
  ],
]

/** Everything that is tried, each one once. `folder` is where the drop folders and the others' trees lie. */
export function attackPaths(folder: string): string[] {
  const climbing = upwards.flatMap((up, place) => {
    const goal = goals[place % goals.length]!.replace(/^(\.\.\/)+/, '')
    return place % 2 === 0
      ? [`${up}/${goal}`]
      : [`/${up}/${up}/${up}/${goal}`, `${up}/${up}/${goal}`].slice(place % 3 === 0 ? 0 : 1)
  })
  return [...new Set([...goals, ...climbing, ...absolute(folder), ...names])]
}

/** Octets that are no text: overlong forms of ./ and halves of characters (RFC 3629 §10). */
export const octetPaths: readonly Buffer[] = [
  ...[
    'c0aec0ae2f',
    'c0aec0aec0af',
    'e080aee080aee080af',
    'f08080aef08080aef08080af',
    'fe2e2e2f',
    '2e2effff2f',
    'c32e2e2f',
    'eda080',
    'ff',
  ],
].map((hex) => Buffer.concat([Buffer.from(hex.repeat(2), 'hex'), Buffer.from('outside/secret.csv')]))
