/** Zones for tests of calendars. */
/** Both halves of the world, half hours and quarters of them, a turn of half an hour, turns at midnight, and none at all. */
export const ZONES = [
  ...['UTC', 'Europe/London', 'Europe/Berlin', 'Europe/Madrid', 'Europe/Athens', 'Europe/Chisinau', 'Europe/Moscow'],
  ...['Europe/Lisbon', 'Atlantic/Azores', 'Europe/Kyiv', 'Europe/Istanbul', 'America/New_York', 'America/Chicago'],
  ...[
    'America/Denver',
    'America/Los_Angeles',
    'America/Anchorage',
    'America/Adak',
    'America/Phoenix',
    'America/St_Johns',
  ],
  ...[
    'America/Halifax',
    'America/Havana',
    'America/Asuncion',
    'America/Santiago',
    'Pacific/Easter',
    'America/Sao_Paulo',
  ],
  ...[
    'America/Nuuk',
    'Africa/Cairo',
    'Africa/Casablanca',
    'Africa/El_Aaiun',
    'Africa/Lagos',
    'Asia/Beirut',
    'Asia/Gaza',
  ],
  ...['Asia/Jerusalem', 'Asia/Tehran', 'Asia/Kabul', 'Asia/Kolkata', 'Asia/Kathmandu', 'Asia/Tokyo', 'Asia/Pyongyang'],
  ...['Australia/Sydney', 'Australia/Adelaide', 'Australia/Lord_Howe', 'Australia/Brisbane', 'Australia/Eucla'],
  ...[
    'Pacific/Auckland',
    'Pacific/Chatham',
    'Pacific/Norfolk',
    'Pacific/Apia',
    'Pacific/Kiritimati',
    'Antarctica/Troll',
  ],
]
