// Serves an empty DynamoDB in memory, on a free port that it prints, until standard
// input ends: so it is gone with whoever started it, however that ended.
'use strict'
const server = require('dynalite')({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
// dynalite throws what it is told of a request that was cut off in the middle, and would
// end: a client that is killed must not take the server with it.
server.prependListener('request', (request) => {
  const emit = request.emit
  request.emit = function (event, ...rest) {
    return event === 'error' ? false : emit.call(this, event, ...rest)
  }
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
