# Names alone: a value would lie in the state. README.md says how one is put in and brought to the cluster.
resource "aws_secretsmanager_secret" "given" {
  for_each = {
    kaggle  = "KAGGLE_API_TOKEN, for the published data sets"
    prefect = "Variables of Prefect's server and its clients as one JSON object, such as PREFECT_API_DATABASE_CONNECTION_URL"
  }

  name        = "${var.name}/${each.key}"
  description = each.value
}
