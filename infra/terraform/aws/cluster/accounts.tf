# Roles of service accounts (IRSA): a pod has the permissions of its account, never those of its node.
resource "aws_iam_openid_connect_provider" "this" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_policy" "autoscaler" {
  name        = "${var.name}-autoscaler"
  description = "Begin and end the nodes of the cluster ${var.name}"
  policy      = templatefile("${path.module}/../policies/autoscaler.json", { cluster = var.name })
}

locals {
  accounts = merge(var.accounts, {
    autoscaler = {
      namespace = "kube-system"
      account   = "cluster-autoscaler"
      policy    = aws_iam_policy.autoscaler.arn
    }
  })
}

resource "aws_iam_role" "account" {
  for_each = local.accounts

  name = "${var.name}-${each.key}"
  assume_role_policy = templatefile("${path.module}/trust/account.json", {
    provider  = aws_iam_openid_connect_provider.this.arn
    issuer    = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
    namespace = each.value.namespace
    account   = each.value.account
  })
}

resource "aws_iam_role_policy_attachment" "account" {
  for_each = local.accounts

  role       = aws_iam_role.account[each.key].name
  policy_arn = each.value.policy
}
