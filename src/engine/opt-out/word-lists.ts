/**
 * The built-in words by language, as docs/opt-out.md prints them (test/opt-out-words.test.ts compares the two).
 *
 * English STOP words: 47 CFR 64.1200(a)(10) names stop, quit, end, revoke, opt out, cancel and unsubscribe; the others are
 * usual in the industry (CTIA). How they are compared: keyword-finder.ts.
 */
export interface WordList {
  language: string
  stop: readonly string[]
  start: readonly string[]
  help: readonly string[]
}

export const WORD_LISTS: readonly WordList[] = [
  {
    language: 'English',
    stop: [
      ...['stop', 'quit', 'end', 'revoke', 'opt out', 'cancel', 'unsubscribe'],
      ...['stop all', 'remove', 'remove me', 'unsub', 'stop now', 'stop texting', 'stop messages', 'do not text'],
    ],
    start: ['start', 'unstop', 'yes', 'subscribe', 'opt in', 'resume', 'resubscribe', 'continue'],
    help: ['help', 'info', 'support'],
  },
  {
    language: 'French',
    stop: ['arret', 'arreter', 'desabonner', 'desabonnement', 'desinscrire', 'annuler', 'fin'],
    start: ['demarrer', 'reprendre', "s'abonner", 'abonner', 'oui'],
    help: ['aide', 'infos'],
  },
  {
    language: 'German',
    stop: ['stopp', 'abmelden', 'abmeldung', 'abbestellen', 'beenden', 'austragen', 'kündigen', 'ende'],
    start: ['anmelden', 'anmeldung', 'starten', 'ja'],
    help: ['hilfe'],
  },
  {
    language: 'Spanish',
    stop: ['baja', 'alto', 'parar', 'para', 'cancelar', 'darme de baja', 'detener', 'salir', 'terminar', 'no mas'],
    start: ['alta', 'iniciar', 'empezar', 'comenzar', 'suscribir', 'si'],
    help: ['ayuda'],
  },
  {
    language: 'Portuguese',
    stop: ['sair', 'remover', 'descadastrar', 'pare'],
    start: ['iniciar', 'inscrever', 'voltar', 'sim'],
    help: ['ajuda'],
  },
  {
    language: 'Italian',
    stop: ['cancella', 'cancellami', 'basta', 'ferma', 'disiscrivi', 'annulla', 'fine'],
    start: ['inizia', 'avvia', 'iscrivi', 'riprendi'],
    help: ['aiuto'],
  },
  {
    language: 'Dutch',
    stop: ['afmelden', 'uitschrijven', 'stoppen', 'beeindigen', 'opzeggen', 'einde'],
    start: ['aanmelden', 'inschrijven', 'hervatten'],
    help: ['hulp'],
  },
  {
    language: 'Polish',
    stop: ['rezygnuje', 'rezygnacja', 'wypisz', 'koniec', 'anuluj'],
    start: ['zapisz', 'wznow', 'tak'],
    help: ['pomoc'],
  },
  {
    language: 'Swedish, Danish, Norwegian',
    stop: ['avsluta', 'avregistrera', 'avanmäl', 'afmeld', 'framelding', 'afslut', 'avslutt', 'avmeld', 'slut'],
    start: ['starta', 'anmäl', 'tilmeld', 'påmeld'],
    help: ['hjälp', 'hjælp', 'hjelp'],
  },
  {
    language: 'Finnish',
    stop: ['lopeta', 'peru', 'seis'],
    start: ['aloita', 'tilaa'],
    help: ['apua', 'ohje'],
  },
  {
    language: 'Czech, Slovak',
    stop: ['odhlasit', 'zrusit', 'konec', 'koniec'],
    start: ['prihlasit'],
    help: ['pomoc', 'napoveda'],
  },
  { language: 'Hungarian', stop: ['leiratkozas', 'leiratkozom', 'vege'], start: ['feliratkozas'], help: ['segitseg'] },
  { language: 'Romanian', stop: ['dezabonare', 'opreste'], start: ['abonare'], help: ['ajutor'] },
  { language: 'Turkish', stop: ['iptal', 'ret', 'dur', 'durdur', 'cikis'], start: ['basla', 'evet'], help: ['yardim'] },
  {
    language: 'Russian, Ukrainian',
    stop: ['стоп', 'отписка', 'отписаться', 'отмена', 'відписатися', 'скасувати'],
    start: ['старт', 'подписка', 'подписаться'],
    help: ['помощь', 'справка', 'допомога'],
  },
  { language: 'Greek', stop: ['στοπ', 'διακοπη', 'διαγραφη'], start: ['εναρξη'], help: ['βοηθεια'] },
  { language: 'Arabic', stop: ['توقف', 'إيقاف', 'الغاء', 'قف'], start: ['ابدأ', 'اشتراك'], help: ['مساعدة'] },
  { language: 'Hebrew', stop: ['הסר', 'עצור', 'הפסק'], start: ['התחל'], help: ['עזרה'] },
  {
    language: 'Chinese',
    stop: ['退订', '退訂', '取消', '停止', 'TD'],
    start: ['订阅', '訂閱', '开始'],
    help: ['帮助', '幫助'],
  },
  { language: 'Japanese', stop: ['停止', '配信停止', '解除', 'ストップ'], start: ['開始', '再開'], help: ['ヘルプ'] },
  { language: 'Korean', stop: ['중지', '수신거부', '그만'], start: ['시작'], help: ['도움말'] },
  { language: 'Indonesian, Malay', stop: ['berhenti', 'henti', 'batal'], start: ['mulai', 'mula'], help: ['bantuan'] },
]

/** Words that begin other sentences too: they count in front of at most two more words. */
export const EVERYDAY_WORDS: readonly string[] = [
  ...['end', 'quit', 'cancel', 'remove', 'revoke', 'resume', 'continue', 'info', 'support', 'start', 'fin', 'annuler'],
  ...['arreter', 'reprendre', 'beenden', 'ende', 'starten', 'alto', 'para', 'parar', 'cancelar', 'salir', 'terminar'],
  ...[
    'alta',
    'iniciar',
    'empezar',
    'comenzar',
    'sair',
    'pare',
    'voltar',
    'remover',
    'fine',
    'basta',
    'ferma',
    'annulla',
  ],
  ...['stoppen', 'einde', 'koniec', 'konec', 'slut', 'ret', 'dur', 'peru', 'vege', 'отмена', 'batal', 'mulai', 'mula'],
  ...['henti', 'tilaa', '取消', 'TD', '开始'],
]

/** START words that mostly answer something else: they count as a whole message only. */
export const ASSENT_WORDS: readonly string[] = ['yes', 'oui', 'ja', 'si', 'sim', 'tak', 'evet']

/** What a text that is none of the words, and has one of these in it, is shown to a person for. */
export const REVIEW_PHRASES: readonly string[] = [
  ...['stop', 'unsubscribe', 'opt out', 'remove me', 'leave me alone', 'do not text', 'dont text', 'do not contact'],
  ...[
    'dont contact',
    'do not message',
    'dont message',
    'no more messages',
    'no more texts',
    'take me off',
    'wrong number',
  ],
  ...['cancel my', 'cease', 'spam', 'who is this', 'lose my number', 'delete my number', 'not interested'],
  ...['arret', 'arretez', 'desabonner', 'desinscrire', 'mauvais numero', 'plus de messages'],
  ...['abmelden', 'abbestellen', 'keine nachrichten', 'keine sms', 'falsche nummer', 'hör auf', 'aufhören'],
  ...['baja', 'no me escriban', 'no mas mensajes', 'numero equivocado', 'dejen de', 'descadastrar', 'numero errado'],
  ...['cancellami', 'non scrivetemi', 'numero sbagliato', 'afmelden', 'uitschrijven', 'verkeerd nummer'],
  ...['rezygnuje', 'wypisz', 'zly numer', 'avregistrera', 'fel nummer', 'отпишите', 'отписаться', 'не пишите'],
]
